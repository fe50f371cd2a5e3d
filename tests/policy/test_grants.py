"""Who may begin: the class table, the queue, and the words of a wait. 12 hosts, planned and failure buffer 4 and 2."""

from datetime import timedelta

import pytest

from fleet.models.ledger import Autostop, Counted, RequestClass
from fleet.models.observation import Observation
from fleet.models.stop import StopKind
from fleet.policy.grants import settle
from tests.policy.make import NodeBase, ago, facts, host, in_force, lease, names, pool, request, seen, stop

R, E, L, P, B, T, A = RequestClass
DOWN = {"gpu012": seen("gpu012", base=NodeBase.DOWN)}
TWO_DOWN = DOWN | {"gpu011": seen("gpu011", base=NodeBase.DOWN)}
HALF_OUT = [lease(n) for n in names(4)]


def granted(known) -> list[str]:
    return [g.request for g in settle(known).grants]


def why(known) -> str:
    [wait] = settle(known).waits
    return wait.reason


#   facts that stand in the way: who passes
TABLE = {
    "nothing": ({}, {R, E, L, P, B, T, A}),
    "autostop": ({"nodes": TWO_DOWN, "pools": [pool(floor=1)]}, {R, E}),
    "a pause set from outside": (
        {"autostops": {"gpu-train": Autostop(stopped=True, reason="paused: 3 hosts")}},
        {R, E},
    ),
    "a full planned buffer": ({"leases": HALF_OUT}, {R}),
    "the floor": ({"pools": [pool(floor=12)]}, {R, P}),
    "a pin switch that holds": ({"overrides": (in_force(),)}, {R}),
    "a stale observation": ({"looked": ago(minutes=5)}, {R}),
    "a clock that was put back": ({"looked": ago(minutes=-5)}, {R}),
    "no observation": ({"observation": None}, {R}),
    "a stop": ({"stops": [stop()]}, {R}),
    "a stop of the pool": ({"stops": [stop(cluster="c1", pool="gpu-train")]}, {R}),
    "a freeze": ({"stops": [stop(StopKind.FREEZE, cluster="c1")]}, set()),
    "a stop elsewhere": ({"stops": [stop(cluster="c1", pool="storage"), stop(cluster="c2")]}, {R, E, L, P, B, T, A}),
}


@pytest.mark.parametrize("kind", list(RequestClass))
@pytest.mark.parametrize("case", TABLE)
def test_the_class_table_holds(case, kind):
    given, passes = TABLE[case]
    given = {"nodes": DOWN, **given}
    asked = request("op/1", ["gpu012" if kind is R else "gpu005"], kind)
    expected = ["op/1"] if kind in passes else []
    assert expected == granted(facts(requests=[asked], **given))


WORDS = {
    "pool gpu-train: planned buffer 4 of 4 used, needs 2": {"leases": HALF_OUT},
    "pool gpu-train: 12 of 12 up, floor 11, needs 2": {"pools": [pool(floor=11)]},
    "gpu005 is foreign: bob looks": {"nodes": {"gpu005": seen("gpu005", draining=True, reason="bob looks")}},
    "gpu005 is failed: down (owner: operator)": {"nodes": {"gpu005": seen("gpu005", base=NodeBase.DOWN)}},
    "gpu006 is in repair by host/c1/gpu006": {
        "leases": [lease("gpu006", holder="host/c1/gpu006", counted=Counted.FAILED)]
    },
    "waits for gpu005, gpu006, in the hands of visit/x": {"leases": [lease("gpu005"), lease("gpu006")]},
    "gpu006: decommissioned": {
        "hosts": [host(n, decommissioned=n == "gpu006") for n in names(12)],
    },
    "gpu005, gpu006: no member of any pool": {"hosts": [host(n) for n in names(4)]},
    "pool gpu-train is not in the fleet file": {"pools": [pool("storage")]},
    "autostop of pool gpu-train: 2 hosts failed, failure buffer 2": {"nodes": TWO_DOWN},
    "waits for a fresh look at the cluster: pool gpu-train was not observed lately": {"looked": ago(minutes=3)},
    "waits for a stop of cluster c1 by alice since 2026-03-01 11:57:00+00:00: power work": {
        "stops": [stop(cluster="c1")]
    },
    "waits for the next look at gpu006, not seen since it was added": {
        "observation": Observation(
            cluster="c1", began_at=ago(seconds=10), hosts={n: seen(n) for n in names(12) if n != "gpu006"}
        )
    },
    "waits for the next look at gpu005, just released": {
        "hosts": [host(n, released_at=ago(seconds=2) if n == "gpu005" else None) for n in names(12)],
        "nodes": {"gpu005": seen("gpu005", draining=True, reason="maintrain:planned:op/0#gpu005")},
    },
}


@pytest.mark.parametrize("words", WORDS)
def test_a_wait_says_in_words_what_it_waits_for(words):
    assert words == why(facts(requests=[request("op/1", ["gpu005", "gpu006"])], **WORDS[words]))


def test_a_request_larger_than_the_buffer_says_so():
    expected = "pool gpu-train: needs 5, more than the planned buffer of 4"
    assert expected == why(facts(requests=[request("op/1", names(5))]))


def test_a_grant_says_what_it_leaves_of_the_limits():
    expected = "4 hosts; pool gpu-train: planned 4 of 4, 8 up with a floor of 6"
    [grant] = settle(facts(requests=[request("op/1", names(4))])).grants
    assert expected == grant.reason


def test_repair_takes_only_hosts_that_are_out():
    expected = "gpu001 is up, and repair takes only hosts that are out"
    assert expected == why(facts(requests=[request("op/1", ["gpu001"], R)]))


def test_repair_takes_no_host_from_another_repair_or_an_outsider():
    held = [lease("gpu001", counted=Counted.FAILED)]
    foreign = {"gpu002": seen("gpu002", draining=True, reason="bob")}
    asked = [request("op/1", ["gpu001"], R), request("op/2", ["gpu002"], R)]
    expected = ["gpu001 is in repair by visit/x", "gpu002 is foreign: bob"]
    decided = settle(facts(requests=asked, leases=held, nodes=foreign))
    assert expected == [w.reason for w in decided.waits]


def test_two_requests_for_one_host_are_never_granted_together():
    asked = [request("op/1", ["gpu001", "gpu002"], asked_at=ago(minutes=2)), request("op/2", ["gpu002"])]
    decided = settle(facts(requests=asked))
    expected = (["op/1"], ["waits for gpu002, in the hands of op/1"])
    assert expected == ([g.request for g in decided.grants], [w.reason for w in decided.waits])


def test_a_host_named_twice_counts_once():
    expected = ["op/1"]
    assert expected == granted(facts(requests=[request("op/1", [*names(4), *names(4)])]))


def test_the_queue_goes_by_class_and_then_by_age():
    asked = [
        request("adhoc", names(4), A, asked_at=ago(minutes=9)),
        request("train-new", names(4), T, asked_at=ago(minutes=7)),
        request("train-old", names(4), T, asked_at=ago(minutes=8)),
        request("rollback", names(4), B, asked_at=ago(minutes=6)),
        request("emergency", names(4), E, asked_at=ago(minutes=5)),
    ]
    decided = settle(facts(requests=asked))
    expected = (["emergency"], ["rollback", "train-old", "train-new", "adhoc"])
    assert expected == ([g.request for g in decided.grants], [w.request for w in decided.waits])


def test_a_later_request_that_fits_passes_a_young_one_that_waits():
    asked = [request("train", names(4, 2), asked_at=ago(minutes=5)), request("small", ["gpu012"], A)]
    expected = ["small"]
    assert expected == granted(facts(requests=asked, leases=[lease("gpu001")]))


def test_an_old_request_reserves_its_hosts_and_the_buffer_it_waits_for():
    asked = [request("train", names(4, 2), asked_at=ago(hours=2)), request("small", ["gpu012"], T)]
    decided = settle(facts(requests=asked, leases=[lease("gpu001")]))
    expected = [
        "pool gpu-train: planned buffer 1 of 4 used, needs 4",
        "pool gpu-train: planned buffer 1 of 4 used and 4 reserved for older requests, needs 1",
    ]
    assert expected == [w.reason for w in decided.waits]


def test_a_request_that_does_not_touch_a_reservation_passes_it():
    asked = [request("old", names(2), asked_at=ago(hours=2)), request("new", names(2, 5)), request("same", ["gpu002"])]
    decided = settle(facts(requests=asked, leases=[lease("gpu001")]))
    expected = (
        ["new"],
        ["waits for gpu001, in the hands of visit/x", "waits for gpu002, reserved for old, which has waited longer"],
    )
    assert expected == ([g.request for g in decided.grants], [w.reason for w in decided.waits])


def test_an_old_request_of_a_low_class_is_not_starved_by_higher_ones():
    asked = [request("adhoc", names(4), A, asked_at=ago(hours=2)), request("train", names(4, 5), T)]
    expected = ["adhoc"]
    assert expected == granted(facts(requests=asked))


def test_repair_and_emergencies_pass_a_reservation():
    asked = [
        request("old", [*names(3), "gpu005"], asked_at=ago(hours=2)),
        request("emergency", ["gpu001"], E),
        request("repair", ["gpu012"], R),
    ]
    expected = ["repair", "emergency"]
    assert expected == granted(facts(requests=asked, nodes=DOWN, leases=[lease("gpu005")]))


@pytest.mark.parametrize(
    "unmendable",
    [
        {"nodes": {"gpu001": seen("gpu001", draining=True, reason="bob")}},
        {"stops": [stop(cluster="c1", pool="gpu-train")]},
        {"pools": [pool(planned_buffer=2), pool("storage")]},
    ],
)
def test_an_old_request_that_no_return_can_help_reserves_nothing(unmendable):
    members = [host(n) for n in names(12)] + [host(n, "storage") for n in names(12, 13)]
    across = request("old", [*names(4), "gpu013"], asked_at=ago(hours=2))
    known = facts(
        **{"pools": [pool(), pool("storage")], **unmendable},
        hosts=members,
        requests=[across, request("new", ["gpu013"])],
    )
    expected = ["new"]
    assert expected == granted(known)


def test_a_request_across_pools_keeps_every_pools_limits():
    members = [host(n) for n in names(12)] + [host(n, "storage") for n in names(12, 13)]
    pools = [pool(), pool("storage", floor=12)]
    known = facts(hosts=members, pools=pools, requests=[request("op/1", ["gpu001", "gpu013"])])
    expected = "pool storage: 12 of 12 up, floor 12, needs 1"
    assert expected == why(known)


def test_a_settlement_carries_the_autostop_of_every_pool():
    expected = Autostop(stopped=True, since=facts().now, reason="2 hosts failed, failure buffer 2")
    assert expected == settle(facts(nodes=TWO_DOWN)).autostops["gpu-train"]


def test_the_reservation_waits_as_long_as_the_pool_says():
    patient = [pool(reserve_after=timedelta(hours=3))]
    asked = [request("train", names(4, 2), asked_at=ago(hours=2)), request("small", ["gpu012"], T)]
    expected = ["small"]
    assert expected == granted(facts(pools=patient, requests=asked, leases=[lease("gpu001")]))
