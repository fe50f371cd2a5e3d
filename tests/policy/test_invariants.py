"""Numbers that must be zero, and what makes each of them more."""

import pytest

from fleet import ids
from fleet.models.ledger import Counted
from fleet.policy.invariants import Breaches, below_floor, breaches
from fleet.policy.sets import standings
from tests.policy.make import NodeBase, ago, facts, host, lease, names, seen

PINS = {"cuda": "12.4"}


def found(known, ownerless=0, versions=None):
    return breaches(known, standings(known), ownerless, versions or {}, PINS)


def drained(name, operation):
    return seen(name, draining=True, reason=ids.drain_reason(ids.PLANNED, operation))


def test_a_domain_out_by_plan_with_failures_and_foreign_drains_beside_it_breaks_nothing():
    known = facts(
        leases=[lease(n) for n in names(4)] + [lease("gpu005", holder="host/x", counted=Counted.FAILED)],
        nodes={n: drained(n, ids.operation("visit/x", n)) for n in names(4)}
        | {"gpu006": seen("gpu006", draining=True, reason="bob"), "gpu007": seen("gpu007", base=NodeBase.DOWN)},
    )
    versions = {"gpu008": {"cuda": "12.4", "bmc": "1"}, "gpu001": {"cuda": "11"}}

    assert Breaches() == found(known, versions=versions)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (facts(leases=[lease(n) for n in names(6)]), Breaches(contract=2)),
        (facts(leases=[lease("gpu001")], nodes={"gpu001": drained("gpu001", "visit/y#gpu001")}), Breaches(holder=1)),
        (facts(nodes={"gpu001": drained("gpu001", "visit/y#gpu001")}), Breaches(orphan_drains=1)),
    ],
    ids=["contract", "holder", "orphan drain"],
)
def test_what_the_facts_show_is_counted(known, expected):
    assert expected == found(known)


def test_what_only_the_engine_and_the_devices_know_is_counted():
    versions = {"gpu001": {"cuda": "11"}, "gpu002": {"cuda": "12.4"}}

    assert Breaches(ownerless=2, job_facing_drift=1) == found(facts(), ownerless=2, versions=versions)


def test_a_handover_of_a_moment_ago_and_a_host_just_released_break_nothing():
    young = lease("gpu001", holder="host/x", counted=Counted.FAILED, since=ago(seconds=11))
    members = [host("gpu001"), host("gpu002", released_at=ago(seconds=5))]
    nodes = {n: drained(n, "visit/y#" + n) for n in ("gpu001", "gpu002")}

    assert Breaches() == found(facts(hosts=members, leases=[young], nodes=nodes))


def test_the_hosts_that_a_pool_lacks_to_its_floor_are_told():
    down = {n: seen(n, base=NodeBase.DOWN) for n in names(7)}
    known = facts(nodes=down)

    assert (0, 1) == (
        below_floor(facts(), standings(facts()), facts().pools[0]),
        below_floor(known, standings(known), known.pools[0]),
    )
