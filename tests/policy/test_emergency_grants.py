"""What an emergency's requests are granted, how far past the limits, and who waits behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.models.ledger import Autostop, Counted, RequestClass
from fleet.models.override import Override
from fleet.policy.grants import settle
from fleet.policy.invariants import Breaches, breaches
from fleet.policy.limits import Limits, in_force, limits
from fleet.policy.sets import standings
from fleet.policy.visiting import free_to_take
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, names, pool, request, seen
from tests.policy.make import in_force as override

STOP = "emergency/c1/hole/1"
EMERGENCY = "emergency/c1/hole"


def named(**numbers):
    return Override(actor="ann", reason="a hole", lasts=3600, **numbers)


def stop(hosts, **changes):
    return request(STOP, hosts, RequestClass.EMERGENCY, partial=True, **changes)


def answers(*requests, **given) -> dict[str, object]:
    """What is granted, or why not, by request."""
    decided = settle(facts(requests=requests, **given))
    return {g.request: g.hosts for g in decided.grants} | {w.request: w.reason for w in decided.waits}


def test_it_is_granted_those_of_its_hosts_for_which_there_is_room():
    """The buffer is 4 (a domain), and one of them is out."""
    assert {STOP: ("gpu002", "gpu003", "gpu004")} == answers(stop(names(6)), leases=[lease("gpu001")])


def test_it_takes_a_part_down_to_the_floor_and_no_further():
    down = {n: seen(n, base=NodeBase.DOWN) for n in ("gpu011", "gpu012")}

    assert {STOP: ("gpu001",)} == answers(stop(names(6)), pools=[pool(floor=9)], nodes=down)


def test_with_no_host_to_be_had_it_says_what_it_waits_for():
    full = [lease(n, holder="visit/y") for n in names(4, first=9)]
    released = {"hosts": [host(n, released_at=ago(seconds=1)) for n in names(12)]}
    drained = {n: seen(n, draining=True, reason="maintrain:planned:visit/x#gpu") for n in names(12)}

    assert "waits for gpu001, in the hands of visit/x" == answers(stop(["gpu001"]), leases=[lease("gpu001")])[STOP]
    assert "pool gpu-train: planned buffer 4 of 4 used, needs 1" == answers(stop(names(3)), leases=full)[STOP]
    assert (
        "waits for the next look at gpu001, just released" == answers(stop(["gpu001"]), nodes=drained, **released)[STOP]
    )


def test_it_passes_an_autostop_and_no_stop_and_no_stale_look():
    down = {n: seen(n, base=NodeBase.DOWN) for n in ("gpu011", "gpu012")}

    assert {STOP: ("gpu001",)} == answers(stop(["gpu001"]), pools=[pool(floor=1)], nodes=down)
    assert (
        "waits for a fresh look at the cluster: pool gpu-train was not observed lately"
        == answers(stop(["gpu001"]), looked=ago(minutes=5))[STOP]
    )


@pytest.mark.parametrize(
    ("since", "reason", "answer"),
    [
        (ago(minutes=1), "paused: the verifier", "autostop of pool gpu-train: paused: the verifier"),
        (ago(minutes=9), "paused: the verifier", ("gpu001",)),
        (ago(minutes=1), "3 hosts failed", ("gpu001",)),
    ],
)
def test_a_pause_since_its_beginning_holds_it_too(since, reason, answer):
    """It began five minutes ago; a verifier that broke since would hand over whatever it takes."""
    paused = {"gpu-train": Autostop(stopped=True, since=since, reason=reason)}

    assert {STOP: answer} == answers(stop(["gpu001"], asked_at=ago(minutes=5)), autostops=paused)


def test_an_override_lets_it_pass_the_named_numbers_and_no_further():
    beyond = stop(names(9), override=named(planned_buffer={"gpu-train": 7}, floor={"gpu-train": 4}))

    found = settle(facts(requests=[beyond], leases=[lease("gpu012")]))

    assert [tuple(names(6))] == [grant.hosts for grant in found.grants]
    assert "by the override planned buffer of gpu-train 7, floor of gpu-train 4: a hole (ann)" in found.grants[0].reason


def test_a_floor_that_is_not_named_holds_for_an_override_of_the_buffer():
    beyond = stop(names(9), override=named(planned_buffer={"gpu-train": 12}))

    assert {STOP: tuple(names(6))} == answers(beyond)


def test_while_it_has_hosts_to_take_nothing_but_repair_begins_in_its_pools():
    two = {"pools": [pool("a"), pool("b")], "hosts": [host(n, "a") for n in names(4)] + [host("gpu005", "b")]}
    behind = "waits for emergency/c1/hole, which goes before all others"
    asked = [
        request("visit/y", ["gpu001"]),
        request("op/1", ["gpu005"], RequestClass.AD_HOC),
        request("host/c1/gpu002", ["gpu002"], RequestClass.REPAIR),
        request("pin/c1/cuda", ["gpu001"], RequestClass.PIN_SWITCH),
    ]

    found = answers(*asked, urgent={"a": EMERGENCY}, nodes={"gpu002": seen("gpu002", base=NodeBase.DOWN)}, **two)

    assert {"host/c1/gpu002": (), "visit/y": behind, "op/1": (), "pin/c1/cuda": behind} == found


def test_a_pin_switch_that_holds_the_cluster_is_waited_for():
    found = answers(stop(["gpu011"]), leases=[lease("gpu001", holder="pin/c1/cuda")], overrides=(override(),))

    assert {STOP: "waits for pin/c1/cuda, which has the whole cluster in hands"} == found


def test_a_train_waits_for_hosts_that_an_emergency_has_in_hands_instead_of_leaving_them_out():
    held = [lease("gpu001", holder=STOP), lease("gpu002", holder=STOP, counted=Counted.FAILED)]

    taking = free_to_take(names(3), facts(leases=held), "gpu-train")

    assert ("gpu001", "gpu003") == taking.taken
    assert ["gpu002"] == list(taking.left_out)


def test_limits_in_force_are_the_named_numbers_for_the_named_pool_while_the_stop_lasts():
    promised = limits(pool(), 12)
    given = override(STOP, planned_buffer={"gpu-train": 7}, floor={"gpu-train": 5})
    lifted = Limits(members=12, planned_buffer=7, failure_buffer=2, floor=5)

    found = [in_force(promised, [given], moment, name) for moment, name in _MOMENTS]

    assert [promised, lifted, promised, promised] == found


_MOMENTS = [
    (ago(minutes=6), "gpu-train"),
    (ago(minutes=5), "gpu-train"),
    (NOW, "other"),
    (ago(minutes=-56), "gpu-train"),
]


@pytest.mark.parametrize(("out", "beyond"), [(7, 0), (8, 1)])
def test_hosts_out_beyond_the_named_number_break_the_contract(out, beyond):
    known = facts(
        leases=[lease(n, holder=STOP) for n in names(out)],
        overrides=(override(STOP, planned_buffer={"gpu-train": 7}),),
    )

    assert Breaches(contract=beyond) == breaches(known, standings(known), 0, {}, {})


def test_only_an_emergency_names_numbers():
    for kind in (RequestClass.TRAIN, RequestClass.PIN_SWITCH):
        with pytest.raises(ValidationError, match="expected named numbers for an emergency"):
            request("r", ["gpu001"], kind, override=named(floor={"a": 1}))


@given(
    st.lists(st.sampled_from(("up", "planned", "failed", "foreign")), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_it_takes_as_many_as_the_limits_allow_and_never_one_more(sets, buffer, floor, beyond):
    members = names(len(sets))
    where = dict(zip(members, sets, strict=True))
    leases = [lease(n, counted=Counted(s)) for n, s in where.items() if s in ("planned", "failed")]
    known = facts(
        hosts=[host(n) for n in members],
        pools=[pool(planned_buffer=buffer, floor=floor, failure_buffer=100)],
        leases=leases,
        nodes={n: seen(n, draining=True, reason="bob") for n, s in where.items() if s == "foreign"},
        requests=[stop(members, override=named(planned_buffer={"gpu-train": beyond}) if beyond else None)],
    )

    decided = settle(known)

    up, planned = sets.count("up"), sets.count("planned")
    room = max(0, min(up, max(buffer, beyond) - planned, up - floor))
    assert room == sum(len(grant.hosts) for grant in decided.grants)
    assert 1 == len(decided.grants) + len(decided.waits)
