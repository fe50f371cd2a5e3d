"""Work that must not overlap serialises on a shared scope, what may overlap joins, an outsider has a scope alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet import ids
from fleet.models.ledger import Counted, RequestClass, WaitKind
from fleet.models.operation_part import ActiveOperation
from fleet.models.scheduler import NodeBase
from fleet.policy.grants import settle
from tests.policy.make import ago, facts, host, lease, names, pool, request, seen
from tests.policy.operations import KINDS, asked

RACK = tuple(names(3))
ROOMY = [pool(planned_buffer=8, floor=2)]


def active(kind="clean-optics", hosts=RACK, op="op/9", *, parks=False):
    return ActiveOperation(operation=op, kind=kind, not_with=KINDS[kind].not_with, hosts=frozenset(hosts), parks=parks)


def decided(*requests, **known):
    return settle(facts(requests=requests, pools=ROOMY, **known))


def granted(*requests, **known):
    return [g.request for g in decided(*requests, **known).grants]


def drained(name, holder):
    return {name: seen(name, draining=True, reason=f"maintrain:planned:{holder}#{name}")}


def test_work_that_may_not_overlap_waits_for_the_other_and_says_on_which_host():
    asks = asked("replace-cable", RACK, takes=False, parks=False)
    [wait] = decided(asks, operations=(active("clean-optics"),)).waits

    conflict = "clean-optics" in KINDS["replace-cable"].not_with
    assert conflict
    assert (WaitKind.OVERLAP, "waits for op/9 (clean-optics), which must not overlap with it on gpu001") == (
        wait.kind,
        wait.reason,
    )


def test_two_that_conflict_are_granted_one_after_the_other_in_one_settling_too():
    one = asked("replace-cable", RACK, "op/1", takes=False, parks=False)
    two = asked("clean-optics", RACK, "op/2", takes=False, parks=False)

    assert ["op/1"] == granted(one, two)


def test_work_elsewhere_is_not_waited_for():
    asks = asked("replace-cable", ("gpu009",), takes=False, parks=False)

    assert ["op/1"] == granted(asks, operations=(active("clean-optics"),))


def test_a_visit_waits_for_an_operation_that_must_not_overlap_with_upgrades():
    kind = next(k for k, o in KINDS.items() if "upgrade-host" in o.not_with and k != "upgrade-host")
    visit = request("visit/c1/gpu/1/d1/1", RACK)

    assert [] == granted(visit, operations=(active(kind),))
    assert [visit.id] == granted(
        visit, operations=(active("clean-optics"),) if "upgrade-host" not in KINDS["clean-optics"].not_with else ()
    )


def test_nobody_takes_a_host_on_whose_scope_an_outsider_works():
    held = active("replace-cable", RACK, parks=True)
    visit = request("visit/c1/gpu/1/d1/1", RACK)

    assert [] == granted(visit, operations=(held,))


def test_a_repair_is_never_kept_waiting_by_an_operation():
    down = {"gpu001": seen("gpu001", base=NodeBase.DOWN)}
    repair = request("host/c1/gpu001", ["gpu001"], RequestClass.REPAIR)

    assert [repair.id] == granted(repair, nodes=down, operations=(active("replace-leaf-switch", parks=True),))


def test_an_operation_that_takes_nobody_out_needs_no_buffer_and_no_floor():
    out = [lease(n) for n in names(8, 5)]
    asks = asked("clean-optics", RACK, takes=False, parks=False)

    assert ["op/1"] == granted(asks, leases=out)


def test_a_hold_waits_for_a_host_in_a_visit_and_is_granted_beside_one_in_repair():
    repaired = lease("gpu003", holder="host/c1/gpu003", counted=Counted.FAILED)
    hold = asked("service-rack-power", RACK, taken=RACK[:2])

    assert ["op/1"] == granted(hold, leases=[repaired])
    assert [] == granted(hold, leases=[lease("gpu003")])


def test_a_hold_is_not_granted_while_a_host_it_did_not_ask_for_is_back_in_production():
    [wait] = decided(asked("service-rack-power", RACK, taken=RACK[:2])).waits

    assert "waits for gpu003, which is in production again, to be asked for as well" == wait.reason


def test_a_hold_waits_for_the_look_that_tells_of_a_host_just_released():
    released = [host(n, released_at=ago(seconds=5) if n == "gpu003" else None) for n in names(12)]
    shown = {"gpu003": seen("gpu003", draining=True, reason="maintrain:repair:repair/c1/gpu003/1")}
    [wait] = decided(asked("service-rack-power", RACK, taken=RACK[:2]), hosts=released, nodes=shown).waits

    assert "waits for the next look at gpu003, which may be in production again" == wait.reason


def test_a_hold_joins_a_visit_that_may_overlap_once_its_host_is_drained():
    kind = next(k for k, o in KINDS.items() if "upgrade-host" not in o.not_with and k != "upgrade-host")
    hold, visit = asked(kind, RACK, taken=RACK[:2]), "visit/c1/gpu/1/d1/1"
    out = [lease("gpu003", holder=visit)]

    assert [] == granted(hold, leases=out)
    assert ["op/1"] == granted(hold, leases=out, nodes=drained("gpu003", visit))


def test_a_hold_joins_no_stop_of_an_emergency():
    kind = next(k for k, o in KINDS.items() if "upgrade-host" not in o.not_with and k != "upgrade-host")
    stop = ids.emergency_stop(ids.emergency("c1", "cve"), 1)
    held = [lease("gpu003", holder=stop)]

    assert [] == granted(asked(kind, RACK, taken=RACK[:2]), leases=held, nodes=drained("gpu003", stop))


def test_work_that_takes_nobody_out_does_not_starve_behind_visits():
    old = asked("replace-cable", RACK, takes=False, parks=False, asked_at=ago(days=30))
    younger = request("visit/c1/gpu/1/d2/1", RACK[1:])
    elsewhere = request("visit/c1/gpu/1/d3/1", names(7, 4))
    conflict = {"operations": (active("clean-optics", RACK[:1]),)}

    assert [younger.id] == granted(younger, **conflict)
    assert [elsewhere.id] == granted(old, younger, elsewhere, **conflict)


def test_a_hold_joins_no_visit_that_it_must_not_overlap_with():
    visit = "visit/c1/gpu/1/d1/1"
    hold = asked("service-rack-power", RACK, taken=RACK[:2])

    assert [] == granted(hold, leases=[lease("gpu003", holder=visit)], nodes=drained("gpu003", visit))


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.sets(st.sampled_from(names(12)), min_size=1)), max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_no_two_that_conflict_are_active_on_one_host(wanted):
    requests = [
        asked(kind, sorted(hosts), f"op/{i}", takes=False, parks=False) for i, (kind, hosts) in enumerate(wanted)
    ]
    begun = [r for r in requests if r.id in granted(*requests)]

    clashes = [
        (one.id, two.id)
        for i, one in enumerate(begun)
        for two in begun[i + 1 :]
        if one.part.kind in two.part.not_with and set(one.part.scope) & set(two.part.scope)
    ]
    assert [] == clashes


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_conflict_table_is_symmetric(kind):
    assert [] == [other for other in KINDS[kind].not_with if kind not in KINDS[other].not_with]


VERIFIES = {"works": {ids.large("c1", "winter"): "verify-host"}}
"""A large-scale maintenance that verifies every host."""


def test_a_large_scale_maintenance_is_the_kind_of_work_that_it_does():
    clash = "replace-cable"
    assert "verify-host" in KINDS[clash].not_with
    assert "upgrade-host" not in KINDS[clash].not_with
    stop = ids.emergency_stop(ids.large("c1", "winter"), 1)
    work, mine = active(clash), request(stop, RACK, RequestClass.LARGE)
    cable = asked(clash, RACK, takes=False, parks=False)

    assert [[stop], []] == [granted(mine, operations=(work,), **known) for known in ({}, VERIFIES)]
    out = [lease("gpu003", holder=stop)]
    assert [["op/1"], []] == [granted(cable, leases=out, **known) for known in ({}, VERIFIES)]
