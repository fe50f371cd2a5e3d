from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.pool import AtDeadline, DrainPolicy
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState, Node, NodeBase
from fleet.policy.draining import DrainState, at_deadline, drained, still_ours

OURS = "maintrain:planned:visit/east/gpu-train/1/rack-1/1#gpu001"
HOUR = timedelta(hours=1)
POLICY = DrainPolicy(deadline=HOUR)


def node(**changes):
    return Node(**{"name": "gpu001", "base": NodeBase.IDLE, "draining": True, "reason": OURS, **changes})


def job(id="7", state=JobState.RUNNING, kind=JobKind.REQUEUEABLE, hosts=("gpu001", "gpu002")):
    return Job(id=id, state=state, kind=kind, hosts=hosts)


def view(found, *jobs, began=2.0):
    return ClusterView(began=began, nodes={"gpu001": found} if found else {}, jobs={j.id: j for j in jobs})


def state(seen):
    return drained("gpu001", OURS, seen, 1.0).state


def test_an_idle_node_with_our_drain_and_no_job_is_drained():
    assert state(view(node())) is DrainState.DRAINED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"base": NodeBase.ALLOCATED}, DrainState.DRAINING),
        ({"base": NodeBase.MIXED}, DrainState.DRAINING),
        ({"completing": True}, DrainState.DRAINING),
        ({"not_responding": True}, DrainState.DOUBTFUL),
        ({"powered": False}, DrainState.DOUBTFUL),
        ({"rebooting": True}, DrainState.DOUBTFUL),
        ({"base": NodeBase.UNKNOWN}, DrainState.DOUBTFUL),
        ({"base": NodeBase.ERROR}, DrainState.DOUBTFUL),
        ({"base": NodeBase.FUTURE}, DrainState.DOUBTFUL),
        ({"base": NodeBase.DOWN}, DrainState.DOWN),
        ({"base": NodeBase.DOWN, "not_responding": True}, DrainState.DOWN),
        ({"base": NodeBase.DOWN, "draining": False}, DrainState.DOWN),
        ({"reason": "admin: disk check"}, DrainState.FOREIGN),
        ({"reason": None}, DrainState.FOREIGN),
        ({"reason": OURS.replace("gpu001", "gpu009")}, DrainState.FOREIGN),
        ({"draining": False, "reason": None}, DrainState.UNDRAINED),
        ({"draining": False}, DrainState.UNDRAINED),
    ],
)
def test_anything_less_is_not_drained(changes, expected):
    assert state(view(node(**changes))) is expected


MEASURED = {"draining": False, "reason": None, "reservation": "maintrain_fabric_0a1b", "maintenance": True}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, DrainState.MEASURED),
        ({"base": NodeBase.ALLOCATED}, DrainState.MEASURED),
        ({"maintenance": False}, DrainState.UNDRAINED),
        ({"reservation": None}, DrainState.UNDRAINED),
        ({"reservation": "maintrain_pin-1"}, DrainState.UNDRAINED),
        ({"reservation": "power"}, DrainState.UNDRAINED),
        ({"draining": True, "reason": "admin: disk check"}, DrainState.FOREIGN),
        ({"base": NodeBase.DOWN}, DrainState.DOWN),
        ({"base": NodeBase.UNKNOWN}, DrainState.DOUBTFUL),
    ],
)
@pytest.mark.parametrize("rebooting", [False, True])
def test_undrained_for_a_measurement_is_a_host_in_a_maintenance_reservation_of_ours_for_it(
    changes, expected, rebooting
):
    seen = view(node(**{**MEASURED, **changes}))
    assert still_ours("gpu001", OURS, seen, 1.0, rebooting=rebooting).state is expected


def test_jobs_of_a_measurement_are_those_on_any_host_of_its_reservation():
    hosts = [node(**{**MEASURED, "name": name}) for name in ("gpu001", "gpu003")]
    other = node(**{**MEASURED, "name": "gpu004", "reservation": "maintrain_fabric_2c3d"})
    jobs = [job(hosts=("gpu003",)), job(id="8", hosts=("gpu004",)), job(id="9", state=JobState.OTHER)]
    seen = ClusterView(began=2.0, nodes={n.name: n for n in (*hosts, other)}, jobs={j.id: j for j in jobs})

    found = still_ours("gpu001", OURS, seen, 1.0, rebooting=True)

    assert (DrainState.MEASURED, ("7",)) == (found.state, found.jobs)


@pytest.mark.parametrize("holding", [s for s in JobState if s is not JobState.OTHER])
def test_a_job_that_holds_the_host_keeps_it_draining(holding):
    found = drained("gpu001", OURS, view(node(), job(state=holding)), 1.0)
    assert (found.state, found.jobs) == (DrainState.DRAINING, ("7",))


def test_jobs_elsewhere_or_ended_do_not_matter():
    seen = view(node(), job(hosts=("gpu002",)), job(id="8", state=JobState.OTHER))
    assert state(seen) is DrainState.DRAINED


@pytest.mark.parametrize("began", [0.5, 1.0])
def test_a_view_that_did_not_begin_after_the_acknowledgement_is_too_old_for_any_answer(began):
    for found in (node(), node(reason="admin"), node(draining=False), node(base=NodeBase.DOWN)):
        assert state(view(found, began=began)) is DrainState.DOUBTFUL


def test_a_host_that_the_scheduler_does_not_list_is_in_doubt():
    assert state(view(None)) is DrainState.DOUBTFUL


def test_a_node_that_died_under_a_job_is_down_and_not_drained_though_the_job_is_gone():
    assert state(view(node(base=NodeBase.DOWN, not_responding=True))) is DrainState.DOWN


def test_the_other_partys_reason_is_told_word_for_word():
    found = drained("gpu001", OURS, view(node(reason="admin: disk check")), 1.0)
    assert found.reason == "the drain carries another's reason: 'admin: disk check'"


nodes = st.builds(
    node,
    base=st.sampled_from(NodeBase),
    draining=st.booleans(),
    completing=st.booleans(),
    not_responding=st.booleans(),
    powered=st.booleans(),
    rebooting=st.booleans(),
    reason=st.sampled_from([OURS, OURS, OURS, "admin", None]),
)
jobs = st.lists(
    st.builds(
        job,
        st.sampled_from("789"),
        st.sampled_from(JobState),
        st.sampled_from(JobKind),
        st.sampled_from([("gpu001",), ("gpu002",)]),
    ),
    max_size=2,
)
begins = st.sampled_from([0.0, 1.0, 2.0])


@given(nodes, jobs, begins)
def test_drained_means_every_condition_holds_and_every_condition_means_drained(found, running, began):
    holding = [j for j in view(found, *running).jobs.values() if "gpu001" in j.hosts and j.state is not JobState.OTHER]
    every = (
        found.draining
        and found.reason == OURS
        and found.base is NodeBase.IDLE
        and not (found.completing or found.not_responding or found.rebooting)
        and found.powered
        and not holding
        and began > 1.0
    )
    assert (state(view(found, *running, began=began)) is DrainState.DRAINED) == every


@given(nodes, jobs, begins)
def test_during_our_reboot_a_node_that_is_down_passes_only_with_our_drain_and_without_a_job(found, running, began):
    seen = view(found, *running, began=began)
    lenient = still_ours("gpu001", OURS, seen, 1.0, rebooting=True)
    strict = still_ours("gpu001", OURS, seen, 1.0, rebooting=False)
    assert strict == drained("gpu001", OURS, seen, 1.0)
    if lenient.state is DrainState.DRAINED:
        assert (found.draining, found.reason, seen.jobs_on("gpu001"), began > 1.0) == (True, OURS, (), True)
        assert found.base in (NodeBase.IDLE, NodeBase.DOWN)
    else:
        assert lenient == strict


@pytest.mark.parametrize(
    "changes",
    [{"base": NodeBase.DOWN}, {"base": NodeBase.DOWN, "not_responding": True, "powered": False}, {"rebooting": True}],
)
def test_a_node_that_our_own_reboot_left_down_is_still_ours(changes):
    seen = view(node(**changes))
    assert still_ours("gpu001", OURS, seen, 1.0, rebooting=True).state is DrainState.DRAINED


def test_before_the_deadline_every_job_is_waited_for():
    running = [job("1"), job("2", kind=JobKind.NOT_REQUEUEABLE), job("3", state=JobState.OTHER)]
    found = at_deadline(running, POLICY, HOUR - timedelta(seconds=1))
    assert (found.wait, found.requeue, found.cancel, found.give_back) == (("1", "2"), (), (), False)


def test_at_the_deadline_each_kind_of_job_is_treated_as_the_pool_says():
    running = [job("1"), job("2", kind=JobKind.INTERACTIVE), job("3", kind=JobKind.NOT_REQUEUEABLE)]
    policy = DrainPolicy(deadline=HOUR, not_requeueable=AtDeadline.WAIT)
    found = at_deadline(running, policy, HOUR)
    assert (found.requeue, found.cancel, found.wait, found.give_back) == (("1",), ("2",), ("3",), False)


def test_one_job_that_may_not_be_interrupted_gives_the_host_back_and_spares_the_others():
    running = [job("1"), job("2", kind=JobKind.INTERACTIVE), job("3", kind=JobKind.NOT_REQUEUEABLE)]
    found = at_deadline(running, POLICY, HOUR)
    assert (found.requeue, found.cancel, found.wait, found.give_back) == ((), (), (), True)


def test_a_job_that_is_completing_is_waited_for_at_the_deadline_too():
    found = at_deadline([job(state=JobState.COMPLETING, kind=JobKind.NOT_REQUEUEABLE)], POLICY, HOUR)
    assert (found.wait, found.give_back) == (("7",), False)


def test_a_job_of_ours_on_a_borrowed_host_is_waited_for_since_it_ends_soon():
    ours = job(kind=JobKind.NOT_REQUEUEABLE).model_copy(update={"ours": True})
    found = at_deadline([ours], POLICY, HOUR)
    assert (found.wait, found.give_back) == (("7",), False)


@given(jobs, st.sampled_from(AtDeadline), st.sampled_from(AtDeadline), st.timedeltas(timedelta(0), 2 * HOUR))
def test_every_job_that_holds_the_host_has_one_answer(running, requeueable, interactive, waited):
    policy = DrainPolicy(deadline=HOUR, requeueable=requeueable, interactive=interactive)
    running = list({j.id: j for j in running}.values())
    found = at_deadline(running, policy, waited)
    answered = [*found.requeue, *found.cancel, *found.wait]
    assert sorted(answered) == ([] if found.give_back else sorted(j.id for j in running if j.holds))
    assert waited >= HOUR or not (found.give_back or found.requeue or found.cancel)
