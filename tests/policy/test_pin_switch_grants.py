"""When a pin switch is granted the whole cluster, what it passes, and what waits for it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.models.ledger import Counted, RequestClass
from fleet.policy.grants import settle
from fleet.policy.invariants import Breaches, below_floor, breaches
from fleet.policy.limits import Limits, in_force, limits
from fleet.policy.sets import standings
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, names, pool, request, seen
from tests.policy.make import in_force as override

SWITCH = "pin/c1/cuda"
TWO_POOLS = {
    "pools": [pool("a"), pool("b")],
    "hosts": [host(n, "a") for n in names(4)] + [host(n, "b") for n in names(4, first=5)],
}


def switch(**changes):
    return request(SWITCH, names(12), RequestClass.PIN_SWITCH, **changes)


def answers(*requests, **given) -> dict[str, str]:
    """Granted, or why not, by request."""
    decided = settle(facts(requests=requests, **given))
    return {g.request: "granted" for g in decided.grants} | {w.request: w.reason for w in decided.waits}


def test_it_is_granted_every_host_of_every_pool_that_is_up_past_buffers_and_floors():
    nodes = {"gpu002": seen("gpu002", draining=True, reason="bob"), "gpu006": seen("gpu006", base=NodeBase.DOWN)}

    [grant] = settle(facts(requests=[switch()], nodes=nodes, **TWO_POOLS)).grants

    assert (SWITCH, ("gpu001", "gpu003", "gpu004", "gpu005", "gpu007", "gpu008")) == (grant.request, grant.hosts)
    assert "all 6 hosts that are up, past buffers and floors: cuda 12.6 (ann)" == grant.reason


def test_members_that_came_after_it_asked_are_taken_too():
    [grant] = settle(facts(requests=[request(SWITCH, names(3), RequestClass.PIN_SWITCH)])).grants

    assert tuple(names(12)) == grant.hosts


WAITS = {
    "waits for gpu001, in the hands of visit/x": {"leases": [lease("gpu001")]},
    "waits for pin/c1/nccl, which has the whole cluster in hands": {"overrides": (override("pin/c1/nccl"),)},
    "waits for the next look at gpu003": {
        "hosts": [host(n, released_at=ago(seconds=1) if n == "gpu003" else None) for n in names(12)],
        "nodes": {"gpu003": seen("gpu003", draining=True, reason="maintrain:planned:op/0#gpu003")},
    },
    "no host of the cluster is up": {"nodes": {n: seen(n, draining=True, reason="bob") for n in names(12)}},
    "autostop of pool gpu-train: 2 hosts failed, failure buffer 2": {
        "nodes": {n: seen(n, base=NodeBase.DOWN) for n in names(2)}
    },
}


@pytest.mark.parametrize("reason", WAITS)
def test_it_waits_and_says_for_what(reason):
    assert {SWITCH: reason} == answers(switch(), **WAITS[reason])


def test_a_lease_or_an_autostop_in_any_pool_keeps_it_waiting():
    failed = {n: seen(n, base=NodeBase.DOWN) for n in names(2, first=5)}

    assert {SWITCH: "waits for gpu008, in the hands of visit/x"} == answers(
        switch(), leases=[lease("gpu008")], **TWO_POOLS
    )
    assert {SWITCH: "autostop of pool b: 2 hosts failed, failure buffer 2"} == answers(
        switch(), nodes=failed, **TWO_POOLS
    )


def test_hosts_in_repair_do_not_keep_it_waiting():
    in_repair = lease("gpu001", holder="host/c1/gpu001", counted=Counted.FAILED)

    assert {SWITCH: "granted"} == answers(switch(), leases=[in_repair])


def test_a_young_one_lets_trains_go_on_and_an_old_one_lets_them_run_dry():
    train, out = request("visit/y", ["gpu009"]), [lease("gpu001")]
    waits = "waits for gpu001, in the hands of visit/x"

    assert {SWITCH: waits, "visit/y": "granted"} == answers(switch(), train, leases=out)
    assert {
        SWITCH: waits,
        "visit/y": "waits for gpu009, reserved for pin/c1/cuda, which has waited longer",
    } == answers(switch(asked_at=ago(hours=2)), train, leases=out)


def test_an_older_train_that_reserves_goes_first():
    train = request("visit/y", ["gpu001"], asked_at=ago(hours=3))

    assert {
        "visit/y": "waits for gpu001, in the hands of visit/x",
        SWITCH: "waits for gpu001, in the hands of visit/x",
    } == (answers(switch(asked_at=ago(hours=2)), train, leases=[lease("gpu001")]))
    assert {"visit/y": "granted", SWITCH: "waits for gpu001, in the hands of visit/y"} == answers(
        switch(asked_at=ago(hours=2)), train
    )


def test_while_it_holds_only_repair_begins():
    leases = [lease(n, holder=SWITCH) for n in names(10)]
    asked = [
        request("visit/y", ["gpu011"]),
        request("op/urgent", ["gpu011"], RequestClass.EMERGENCY),
        request("host/c1/gpu012", ["gpu012"], RequestClass.REPAIR),
    ]
    held = "waits for pin/c1/cuda, which has the whole cluster in hands"

    assert {"host/c1/gpu012": "granted", "visit/y": held, "op/urgent": held} == answers(
        *asked, leases=leases, overrides=(override(),), nodes={"gpu012": seen("gpu012", base=NodeBase.DOWN)}
    )


def test_nothing_but_repair_is_granted_in_the_settling_that_grants_it():
    asked = [switch(), request("visit/y", ["gpu001"]), request("pin/c1/nccl", names(12), RequestClass.PIN_SWITCH)]

    found = answers(*asked)

    assert {SWITCH, "pin/c1/nccl", "visit/y"} == set(found)
    assert ["granted"] == [answer for answer in found.values() if answer == "granted"]


def test_limits_in_force_are_the_promised_ones_before_and_after_an_override():
    promised = limits(pool(), 12)
    lifted = Limits(members=12, planned_buffer=12, failure_buffer=2, floor=0)
    given = override(since=ago(minutes=5), until=NOW)

    found = [in_force(promised, [given], moment) for moment in (ago(minutes=6), ago(minutes=5), ago(seconds=1), NOW)]

    assert [promised, lifted, lifted, promised] == found


@pytest.mark.parametrize(("until", "beyond"), [(ago(minutes=-5), 0), (ago(minutes=1), 8)])
def test_a_cluster_out_by_plan_breaks_the_contract_only_past_its_override(until, beyond):
    known = facts(leases=[lease(n, holder=SWITCH) for n in names(12)], overrides=(override(until=until),))
    where = standings(known)

    assert Breaches(contract=beyond) == breaches(known, where, 0, {}, {})
    assert (6 if beyond else 0) == below_floor(known, where, known.pools[0])


def test_only_a_pin_switch_has_an_override_and_none_goes_without():
    for kind, its in ((RequestClass.TRAIN, switch().override), (RequestClass.PIN_SWITCH, None)):
        with pytest.raises(ValidationError, match="expected one for a pin switch"):
            request("r", ["gpu001"], kind, override=its)


@given(
    st.lists(st.sampled_from(("up", "planned", "failed", "foreign", "down")), min_size=1, max_size=12),
    st.integers(0, 7200),
    st.integers(1, 4),
)
def test_it_takes_all_that_is_up_or_nothing(sets, age, failure_buffer):
    members = names(len(sets))
    where = dict(zip(members, sets, strict=True))
    leases = [lease(n, counted=Counted(s)) for n, s in where.items() if s in ("planned", "failed")]
    shapes = {"foreign": {"draining": True, "reason": "bob"}, "down": {"base": NodeBase.DOWN}}
    known = facts(
        hosts=[host(n) for n in members],
        pools=[pool(failure_buffer=failure_buffer)],
        leases=leases,
        nodes={n: seen(n, **shapes.get(s, {})) for n, s in where.items()},
        requests=[switch(asked_at=NOW - timedelta(seconds=age))],
    )

    decided = settle(known)

    up = tuple(n for n, s in where.items() if s == "up")
    broken = sum(s in ("failed", "down") for s in sets)
    may = bool(up) and "planned" not in sets and broken < failure_buffer
    assert ([up] if may else []) == [grant.hosts for grant in decided.grants]
    assert 1 == len(decided.grants) + len(decided.waits)
