"""What an emergency does next: stops within its width, who yields, and when it is through."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet import ids
from fleet.models.emergency import BUSY, EmergencyHostState, EmergencyState
from fleet.models.ledger import Counted
from fleet.models.operation_part import ActiveOperation
from fleet.policy.emergency_plan import emergency_step, settling_hosts
from tests.emergency.make import EMERGENCY, emergency, named, rows
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, names, pool, seen, stop

VISIT, OTHER = "visit/c1/gpu-train/1/d001/1", "visit/c1/gpu-train/1/d002/1"
ASKED, UNDER_WAY, DONE = EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE


def busy(state, first, last, number=1):
    return {key: {"state": state, "stop": f"{EMERGENCY}/{number}"} for key in names(last - first + 1, first)}


def opened(step):
    return {found.domain: found.hosts for found in step.stops}


def test_it_opens_a_stop_for_each_domain_within_its_width():
    assert {"d001": tuple(names(4))} == opened(emergency_step(emergency(), rows(), facts()))
    assert ["d001", "d002"] == list(opened(emergency_step(emergency(width=2), rows(), facts())))


def test_a_domain_with_hosts_in_others_hands_comes_after_those_without():
    assert ["d002"] == list(opened(emergency_step(emergency(), rows(), facts(leases=[lease("gpu001", VISIT)]))))


def test_a_begun_domain_is_finished_before_the_next_is_begun():
    begun = rows(**busy(UNDER_WAY, 5, 6))

    assert {"d002": ("gpu007", "gpu008")} == opened(emergency_step(emergency(), begun, facts()))


def test_a_domain_whose_stop_still_waits_for_its_lease_gets_no_second_one():
    assert {} == opened(emergency_step(emergency(), rows(**busy(ASKED, 1, 2)), facts()))


def test_a_stop_whose_hosts_can_all_not_be_had_any_more_ends_and_lets_the_next_domain_be_asked_for():
    """They went to repair while it waited for them; it would find that minutes later."""
    in_repair = [lease(name, ids.host("c1", name), counted=Counted.FAILED) for name in names(4)]
    its = rows(**busy(ASKED, 1, 4))

    steps = [emergency_step(emergency(), its, facts(leases=leases)) for leases in (in_repair, in_repair[:3])]

    assert [(f"{EMERGENCY}/1",), ()] == [step.halts for step in steps]


def test_a_stop_whose_hosts_nobody_can_tell_of_goes_on_waiting():
    unknown = {name: seen(name, base=NodeBase.UNKNOWN) for name in names(4)}

    assert () == emergency_step(emergency(), rows(**busy(ASKED, 1, 4)), facts(nodes=unknown)).halts


def test_each_pool_has_the_width_for_itself():
    two = [host(n, "a") for n in names(4)] + [host(n, "b") for n in names(4, 5)]
    its = [r.model_copy(update={"pool": "a" if r.domain == "d001" else "b"}) for r in rows()[:8]]

    step = emergency_step(emergency(), its, facts(hosts=two, pools=[pool("a"), pool("b")]))

    assert ["d001", "d002"] == list(opened(step))


def test_visits_that_hold_what_it_asks_for_yield():
    held = [lease(n, VISIT) for n in names(2)]

    step = emergency_step(emergency(), rows(**busy(ASKED, 1, 4)), facts(leases=held))

    assert {VISIT: f"{EMERGENCY} goes before it and needs gpu001, gpu002, or their place in the buffer"} == step.yields


def test_as_many_visits_yield_as_its_buffer_is_short_by_the_youngest_first():
    old = [lease(n, VISIT, since=ago(hours=2)) for n in names(2)]
    young = [lease(n, OTHER, since=ago(hours=1)) for n in names(2, 5)]
    wide = [pool(planned_buffer=7)]

    asked = rows(**busy(ASKED, 9, 12))

    assert [OTHER] == list(emergency_step(emergency(), asked, facts(leases=old + young, pools=wide)).yields)
    assert [OTHER, VISIT] == list(emergency_step(emergency(), asked, facts(leases=old + young)).yields)


def test_nobody_yields_for_a_host_that_a_load_has_put_into_another_pool_since_it_was_asked_for():
    members = [host(n, "other" if n == "gpu004" else "gpu-train") for n in names(12)]
    theirs = "visit/c1/other/1/d001/1"
    known = facts(hosts=members, pools=[pool(), pool("other")], leases=[lease("gpu004", theirs)])

    step = emergency_step(emergency(), rows(**busy(ASKED, 1, 4)), known)

    assert ({}, True) == (step.yields, "3 asked for" in step.reason)


def test_nobody_yields_where_an_override_gives_the_room():
    held = [lease(n, VISIT) for n in names(4)]
    asked = rows(**busy(ASKED, 9, 12))
    beyond = emergency(override=named(planned_buffer={"gpu-train": 8}, floor={"gpu-train": 1}))

    assert {} == emergency_step(beyond, asked, facts(leases=held)).yields


def test_hosts_that_left_the_fleet_under_a_lease_or_while_asked_for_hinder_no_look():
    held = [lease("gone001", OTHER), lease("gpu001", VISIT)]
    its = [*rows(**busy(ASKED, 1, 4)), rows()[0].model_copy(update={"host": "gone002", "state": ASKED})]

    assert [VISIT] == list(emergency_step(emergency(), its, facts(leases=held)).yields)


def test_a_host_on_which_an_outsider_works_is_waited_for_by_nothing():
    """Its domain is not held open for it, and the emergency ends without it."""
    op = "op/7-firmware"
    held = lease("gpu001", op)
    working = ActiveOperation(operation=op, kind="k", not_with=(), hosts=frozenset(["gpu001"]), parks=True)
    reason = ids.drain_reason(ids.PLANNED, held.operation)
    known = facts(leases=[held], operations=(working,), nodes={"gpu001": seen("gpu001", draining=True, reason=reason)})
    draining = facts(leases=[held], operations=(working,))
    others = {n: {"state": DONE} for n in names(11, 2)}

    assert "gpu001" not in opened(emergency_step(emergency(width=9), rows(), known))["d001"]
    through = emergency_step(emergency(), rows(**others), known)
    assert (EmergencyState.DONE, ["gpu001"]) == (through.state, list(through.left_out))
    assert f"drained for {op}" in through.left_out["gpu001"]
    assert {"d001": ("gpu001",)} == opened(emergency_step(emergency(), rows(**others), draining))


def test_what_an_outsider_works_on_frees_no_place_and_a_visit_that_can_gives_way():
    op = "op/7-firmware"
    outside = [lease(n, op, since=ago(minutes=1)) for n in names(4)]
    train = [lease(n, VISIT, since=ago(hours=1)) for n in names(4, 5)]
    working = ActiveOperation(operation=op, kind="k", not_with=(), hosts=frozenset(names(4)), parks=True)
    drained = {x.host: seen(x.host, draining=True, reason=ids.drain_reason(ids.PLANNED, x.operation)) for x in outside}
    full = facts(leases=outside + train, operations=(working,), nodes=drained, pools=[pool(planned_buffer=8, floor=0)])

    assert [VISIT] == list(emergency_step(emergency(), rows(**busy(ASKED, 9, 12)), full).yields)


def test_all_that_a_named_override_of_another_took_beyond_its_own_limit_yields_at_once():
    stops = [f"large/c1/winter/{number}" for number in range(1, 5)]
    held = [lease(n, stops[index // 4], since=ago(hours=1)) for index, n in enumerate(names(16, 13))]
    members = [host(n) for n in names(28)]
    known = facts(hosts=members, leases=held, pools=[pool(planned_buffer=4, floor=0)])

    assert set(stops) == set(emergency_step(emergency(), rows(**busy(ASKED, 1, 4)), known).yields)


def test_repairs_pin_switches_and_other_emergencies_do_not_yield():
    held = [
        lease("gpu001", "pin/c1/cuda"),
        lease("gpu002", "emergency/c1/other/1"),
        lease("gpu003", "host/c1/gpu003", Counted.FAILED),
    ]

    assert {} == emergency_step(emergency(), rows(**busy(ASKED, 1, 4)), facts(leases=held)).yields


def test_hosts_that_are_out_are_left_out_by_name_once_it_is_through_with_the_others():
    gone = {n: {"state": DONE} for n in names(12) if n not in ("gpu003", "gpu004", "gpu005")}
    known = facts(
        leases=[lease("gpu003", "host/c1/gpu003", Counted.FAILED)],
        nodes={"gpu004": seen("gpu004", draining=True, reason="bob"), "gpu005": seen("gpu005", base=NodeBase.DOWN)},
    )

    step = emergency_step(emergency(), rows(**gone), known)

    assert (EmergencyState.DONE, True) == (step.state, step.over)
    assert {
        "gpu003": "in repair by host/c1/gpu003, which brings it the same",
        "gpu004": "foreign: bob",
        "gpu005": "failed: down",
    } == step.left_out
    assert "9 of 12 hosts done, 0 in repair, 3 left out" == step.reason


def test_a_host_that_a_load_put_into_another_pool_is_that_ones_to_visit_and_verify():
    moved = [host(n, pool="other" if n == "gpu001" else "gpu-train") for n in names(12)]
    known = facts(hosts=moved, pools=[pool(), pool("other")])
    last = {n: {"state": DONE} for n in names(11, 2)}

    first, step = emergency_step(emergency(), rows(), known), emergency_step(emergency(), rows(**last), known)

    assert ("gpu002", "gpu003", "gpu004") == first.stops[0].hosts
    assert {"gpu001": "no longer in the pool: it is in other"} == step.left_out


def test_what_one_look_could_not_tell_ends_it_only_when_it_stays_so():
    """The scheduler was started anew, and tells nothing of its nodes yet."""
    unknown = facts(nodes={n: seen(n, base=NodeBase.UNKNOWN) for n in names(12)})
    long_ago = emergency().model_copy(update={"short_since": ago(minutes=6)})

    first = emergency_step(emergency(), rows(), unknown)
    lately = emergency_step(emergency().model_copy(update={"short_since": ago(minutes=4)}), rows(), unknown)
    again = emergency_step(long_ago, rows(), facts())
    then = emergency_step(long_ago, rows(), unknown)

    assert (EmergencyState.RUNNING, False, {}, NOW) == (first.state, first.over, first.left_out, first.short_since)
    assert "of gpu001, gpu002, gpu003 and 9 more nobody can tell (the scheduler shows it as unknown)" in first.reason
    assert (EmergencyState.RUNNING, ago(minutes=4)) == (lately.state, lately.short_since)
    assert (1, None) == (len(again.stops), again.short_since)
    assert (EmergencyState.DONE, 12) == (then.state, len(then.left_out))


def test_one_bad_look_does_not_end_it_by_growing_old():
    """The scheduler did not answer since, or no worker ran."""
    nodes = {n: seen(n, base=NodeBase.UNKNOWN) for n in names(12)}
    short = emergency().model_copy(update={"short_since": ago(minutes=20)})

    step = emergency_step(short, rows(), facts(nodes=nodes, looked=ago(minutes=20)))

    assert (EmergencyState.RUNNING, {}, ago(minutes=20)) == (step.state, step.left_out, step.short_since)


def test_it_is_not_through_while_a_stop_is_under_way():
    last = {n: {"state": DONE} for n in names(11)} | busy(UNDER_WAY, 12, 12)

    step = emergency_step(emergency(), rows(**last), facts())

    assert (EmergencyState.RUNNING, False, ()) == (step.state, step.over, step.stops)


def test_its_jobs_have_their_notice_first():
    told = emergency(EmergencyState.ANNOUNCED, notice="10m")

    step = emergency_step(told, rows(), facts())

    assert (EmergencyState.ANNOUNCED, (), told.started_at + timedelta(minutes=10)) == (
        step.state,
        step.stops,
        step.until,
    )
    assert EmergencyState.RUNNING == emergency_step(emergency(EmergencyState.ANNOUNCED), rows(), facts()).state


def test_a_stopped_one_halts_its_stops_and_waits():
    halted = emergency(EmergencyState.STOPPED)

    step = emergency_step(halted, rows(**busy(UNDER_WAY, 1, 2), **busy(ASKED, 5, 5, 2)), facts())

    assert ((f"{EMERGENCY}/1", f"{EMERGENCY}/2"), False, ()) == (step.halts, step.over, step.stops)


def test_an_ended_one_is_over_with_its_last_stop():
    ended = emergency(EmergencyState.ENDED)

    assert [False, True] == [emergency_step(ended, rows(**its), facts()).over for its in (busy(UNDER_WAY, 1, 1), {})]


def test_a_stop_of_the_cluster_is_told():
    assert "power work" in emergency_step(emergency(), rows(), facts(stops=[stop()])).reason


def test_a_look_is_wanted_only_while_it_waits_for_hosts_of_a_pool_with_unseen_ones():
    released = [host(n, released_at=ago(seconds=1) if n == "gpu001" else None) for n in names(12)]
    known = facts(hosts=released, nodes={"gpu001": seen("gpu001", draining=True, reason="maintrain:planned:x#gpu001")})

    assert [True, False, False] == [
        settling_hosts(rows(), known),
        settling_hosts(rows(), facts()),
        settling_hosts(rows(**{n: {"state": DONE} for n in names(12)}), known),
    ]


@given(
    st.lists(st.sampled_from(list(EmergencyHostState)), min_size=12, max_size=12),
    st.lists(st.sampled_from(("up", "planned", "failed", "foreign")), min_size=12, max_size=12),
    st.integers(1, 3),
)
def test_it_keeps_to_its_width_and_ends_only_when_nothing_can_be_had(states, sets, width):
    its = rows(**{n: {"state": s, "stop": f"{EMERGENCY}/1"} for n, s in zip(names(12), states, strict=True)})
    leases = [lease(n, VISIT, Counted(s)) for n, s in zip(names(12), sets, strict=True) if s in ("planned", "failed")]
    nodes = {n: seen(n, draining=True, reason="bob") for n, s in zip(names(12), sets, strict=True) if s == "foreign"}

    step = emergency_step(emergency(width=width), its, facts(leases=leases, nodes=nodes))

    before = {r.domain for r in its if r.state in BUSY}
    assert len(before | set(opened(step))) <= max(width, len(before))
    can = {r.host for r, s in zip(its, sets, strict=True) if s in ("up", "planned")}
    waiting = {r.host for r in its if r.state is EmergencyHostState.PENDING}
    assert {host for found in step.stops for host in found.hosts} <= can & waiting
    assert step.over == (not before and not can & waiting)
    assert set(step.left_out) == (waiting if step.over else set())
