"""What a stop's end makes of its hosts, people's words, what hosts are wanted to carry, and specs that are refused."""

import pytest
from pydantic import ValidationError

from fleet.errors import Refused
from fleet.models.emergency import EmergencyHostState, EmergencySpec, EmergencyState, Urgent
from fleet.models.host import Host
from fleet.models.messages import Command
from fleet.models.rollouts import Offboarded, RolloutFacts, RolloutState, Wanted, WantedSet
from fleet.models.work import EndCause, HostOutcome, Outcome
from fleet.policy.emergency_change import after_look
from fleet.policy.emergency_checks import override_problem
from fleet.policy.emergency_end import after_stop, pending_again
from fleet.policy.emergency_hosts import emergency_hosts
from fleet.policy.emergency_orders import EmergencyVerb, emergency_order, emergency_refusal
from fleet.policy.emergency_plan import emergency_step
from fleet.policy.emergency_wish import with_urgent
from fleet.policy.limits import limits
from tests.emergency.make import EMERGENCY, SPEC, emergency, named, rows
from tests.host_policy.build import cluster
from tests.policy.make import NOW, NodeBase, ago, facts, names, pool, seen
from tests.rollouts.make import rollout, spec

STOP = f"{EMERGENCY}/1"
ANN = Command(actor="ann", reason="it hangs")


def outcome(kind, cause=None):
    values = {"cluster": "c1", "pool": "gpu-train", "operation": f"{STOP}#gpu001", "visit": STOP, "at": NOW}
    return HostOutcome(host="gpu001", outcome=kind, cause=cause, reason="so it was", **values)


ENDS = {
    (Outcome.UPGRADED, None): EmergencyHostState.DONE,
    (Outcome.CURRENT, None): EmergencyHostState.DONE,
    (Outcome.HANDED_OVER, None): EmergencyHostState.HANDED_OVER,
    (Outcome.PARTLY_UPGRADED, EndCause.STOP): EmergencyHostState.PENDING,
    (Outcome.GIVEN_BACK, EndCause.STOP): EmergencyHostState.PENDING,
    (Outcome.GIVEN_BACK, EndCause.YIELD): EmergencyHostState.PENDING,
    (Outcome.GIVEN_BACK, EndCause.JOBS): EmergencyHostState.PENDING,
    (Outcome.GIVEN_BACK, EndCause.UPGRADE): EmergencyHostState.LEFT_OUT,
    (Outcome.ROLLED_BACK, None): EmergencyHostState.LEFT_OUT,
    (Outcome.LEFT_OUT, None): EmergencyHostState.LEFT_OUT,
    (Outcome.LEFT_OUT, EndCause.HANDS): EmergencyHostState.PENDING,
}


def test_a_look_that_stood_still_does_not_end_it_after_the_next_one_was_told_of_its_hosts():
    """The next one's stop was granted none of them yet: they wait for another one."""
    read, hosts = emergency().model_copy(update={"short_since": ago(minutes=6)}), tuple(rows())
    ends = emergency_step(read, hosts, facts(nodes={n: seen(n, base=NodeBase.UNKNOWN) for n in names(12)}))
    taken, stops = after_look(read, hosts, emergency_step(read, hosts, facts()), read, NOW)

    late, none = after_look(taken.emergency, hosts, ends, read, NOW)

    assert (EmergencyState.DONE, [STOP]) == (ends.state, [stop.stop for stop in stops])
    assert (taken.emergency, (), None, ()) == (late.emergency, late.hosts, late.audit, none)


@pytest.mark.parametrize("end", ENDS, ids=str)
def test_a_hosts_outcome_says_where_it_is_then(end):
    one, without = rows(gpu001={"state": "under_way", "stop": STOP}, gpu002={"state": "under_way", "stop": STOP})[:2]

    found = after_stop([one, without], [outcome(*end)], 2)

    assert [ENDS[end], EmergencyHostState.PENDING] == [row.state for row in found]


def test_a_host_that_jobs_keep_too_often_is_left_out():
    kept = rows(gpu001={"state": "under_way", "stop": STOP, "give_backs": 1})[:1]

    [found] = after_stop(kept, [outcome(Outcome.GIVEN_BACK)], 2)

    assert (EmergencyHostState.LEFT_OUT, 2) == (found.state, found.give_backs)
    assert "jobs kept it 2 times; given back: so it was" == found.reason


def test_what_a_stop_was_not_granted_waits_for_the_next_one():
    asked = rows(**{key: {"state": "asked", "stop": STOP} for key in names(2)})[:2]

    found = pending_again(asked, ["gpu002"])

    assert [("pending", ""), ("under_way", STOP)] == [(row.state, row.stop) for row in found]


STATES = [state for state in EmergencyState if state is not EmergencyState.ABORTED]
VERBS = [EmergencyVerb.STOP, EmergencyVerb.RESUME, EmergencyVerb.END]
"""What emergencies know; the others are for large-scale maintenances (`tests.large`)."""
REFUSED = {
    (EmergencyState.ENDED, EmergencyVerb.STOP): "has ended",
    (EmergencyState.ENDED, EmergencyVerb.RESUME): "has ended",
    (EmergencyState.ENDED, EmergencyVerb.END): "has ended",
    (EmergencyState.DONE, EmergencyVerb.STOP): "is done",
    (EmergencyState.DONE, EmergencyVerb.RESUME): "is done",
    (EmergencyState.STOPPED, EmergencyVerb.STOP): "is stopped already",
    (EmergencyState.ANNOUNCED, EmergencyVerb.RESUME): "is announced, not stopped",
    (EmergencyState.RUNNING, EmergencyVerb.RESUME): "is running, not stopped",
}


def test_orders_are_refused_with_the_reason_or_put_in_force():
    told = {(s, v): emergency_refusal(emergency(s), v) for s in STATES for v in VERBS}

    assert set(REFUSED) == {key for key, why in told.items() if why}
    assert all(REFUSED[key] in why for key, why in told.items() if why)
    with pytest.raises(Refused, match="is running, not stopped"):
        emergency_order(ANN, EmergencyVerb.RESUME, NOW)(emergency(), ())


def test_an_order_is_audited_and_resuming_within_the_notice_goes_on_with_it():
    resume = emergency_order(ANN, EmergencyVerb.RESUME, NOW)

    found = [resume(emergency(EmergencyState.STOPPED, notice=n), ()) for n in ("0s", "1h")]

    assert [EmergencyState.RUNNING, EmergencyState.ANNOUNCED] == [change.emergency.state for change in found]
    assert ("emergency resume", f"emergency {EMERGENCY}", "it hangs") == (
        found[0].audit.action,
        found[0].audit.subject,
        found[0].audit.reason,
    )


HOST = Host(cluster="c1", name="gpu001", pool="gpu-train", since=ago(days=9))
URGENT = Urgent(emergency=EMERGENCY, component="gpu-driver", version="550.3", since=NOW)
BY_FILE = WantedSet(
    wanted=(Wanted(component="gpu-driver", version="550.2", source="fleet file", reason="so it says"),),
    waits={"gpu-driver": "a phase"},
    reason="by the fleet file",
)


def wished(*rollouts, ended=()):
    facts = RolloutFacts(rollouts=rollouts, urgent={"gpu001": (URGENT,)})
    return with_urgent(BY_FILE, HOST, facts, ended)


def test_an_emergencys_version_goes_before_the_fleet_file_and_what_was_rolled_out_before():
    before = rollout(spec(clusters=()), started_at=ago(days=1))

    for found in (wished(), wished(before)):
        assert ({"gpu-driver": "550.3"}, {}, f"by {EMERGENCY}") == (found.versions, found.waits, found.reason)


def test_a_later_rollout_goes_before_it_again_unless_it_was_offboarded():
    later = rollout(spec(clusters=()), started_at=NOW.replace(year=2027))
    gone = later.model_copy(update={"state": RolloutState.OFFBOARDED})

    assert [{"gpu-driver": "550.2"}, {"gpu-driver": "550.3"}] == [wished(later).versions, wished(gone).versions]


def test_an_offboarded_version_is_not_brought_by_an_emergency_either():
    end = Offboarded(
        rollout="gpu-driver/550.3",
        component="gpu-driver",
        versions=("550.3",),
        prior="550.2",
        roll_back="with_trains",
        reason="hangs",
    )

    found = wished(ended=[end])

    assert {"gpu-driver": "550.2"} == found.versions
    assert f"{EMERGENCY} wants 550.3, which gpu-driver/550.3 offboarded" == found.waits["gpu-driver"]


def test_only_the_hosts_of_the_emergency_are_meant():
    other = HOST.model_copy(update={"name": "gpu002"})

    assert BY_FILE == with_urgent(BY_FILE, other, RolloutFacts(urgent={"gpu001": (URGENT,)}), ())


BAD_SPECS = {
    "expected each component once": {"upgrades": [*SPEC["upgrades"], *SPEC["upgrades"]]},
    "expected either version or roll_back": {"upgrades": [{"component": "gpu-driver"}]},
    "expected a rollout of gpu-driver": {"upgrades": [{"component": "gpu-driver", "roll_back": "bmc/1.2"}]},
    "greater than or equal to 1": {"width": 0},
    "expected a length of time above 0": {"override_lasts": "0s"},
}


@pytest.mark.parametrize("told", BAD_SPECS)
def test_a_spec_that_makes_no_sense_is_refused(told):
    with pytest.raises(ValidationError, match=told):
        EmergencySpec.model_validate({**SPEC, **BAD_SPECS[told]})


PROMISED = {"gpu-train": limits(pool(), 12)}
OVERRIDES = {
    "expected more than pool gpu-train's 4": {"planned_buffer": {"gpu-train": 4}},
    "at most its 12 members": {"planned_buffer": {"gpu-train": 13}},
    "expected less than pool gpu-train's 6": {"floor": {"gpu-train": 6}},
    "expected a pool of the emergency": {"floor": {"storage": 1}},
}


@pytest.mark.parametrize("told", OVERRIDES)
def test_an_override_that_lifts_nothing_or_names_a_stranger_is_refused(told):
    found = override_problem(named(**OVERRIDES[told]), [pool()], PROMISED)

    assert found is not None
    assert told in found[1]


def test_an_override_that_says_how_far_is_taken():
    assert None is override_problem(named(planned_buffer={"gpu-train": 8}, floor={"gpu-train": 0}), [pool()], PROMISED)


def test_hosts_are_chosen_by_what_they_carry_and_those_never_read_are_left_out_by_name():
    its = cluster()
    hosts = [Host(cluster=its.name, name=n, pool=its.pools[0].name, since=NOW) for n in names(4)]
    asked = EmergencySpec.model_validate(
        {**SPEC, "cluster": its.name, "installed": {"gpu-driver": "1"}, "hosts": {"names": "gpu[001-003]"}}
    )

    found = emergency_hosts(asked, its, hosts, {"gpu001": {"gpu-driver": "1"}, "gpu002": {"gpu-driver": "2"}})

    assert {"gpu001": "pending", "gpu003": "left_out"} == {row.host: row.state for row in found}
    assert "its version of gpu-driver was never read" == found[-1].reason


@pytest.mark.parametrize("length", ["3651d", "999999w", "9" * 400 + "w"])
@pytest.mark.parametrize("field", ["budget", "notice", "override_lasts"])
def test_a_length_of_time_after_which_no_moment_can_be_told_is_refused(field, length):
    with pytest.raises(ValidationError, match="ten years"):
        EmergencySpec.model_validate({**SPEC, field: length})
