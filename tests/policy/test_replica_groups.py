"""No two replica groups of a pool lose hosts at once, whatever took them out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.models.ledger import Counted, RequestClass, WaitKind
from fleet.models.pool import DomainSpec, Grouping
from fleet.models.replicas import ReplicaKey, Replicas
from fleet.models.scheduler import NodeBase
from fleet.policy.domains import form_domains
from fleet.policy.grants import settle
from fleet.policy.invariants import breaches
from fleet.policy.replica_groups import group_of, ungrouped
from fleet.policy.sets import standings
from tests.policy.make import ago, facts, host, lease, pool, request, seen

BY_RACK = Replicas(by=ReplicaKey.RACK)
HOSTS = [host(f"sto{n:03}", "storage", rack=f"r{n // 4}") for n in range(12)]
STORAGE = pool("storage", replicas=BY_RACK, planned_buffer=4, failure_buffer=4, floor=3)
R0, R1, R2 = ([f"sto{n:03}" for n in range(first, first + 4)] for first in (0, 4, 8))
DOWN = seen("x", base=NodeBase.DOWN)
FOREIGN = seen("x", draining=True, reason="bob")
UNLISTED = seen("x").model_copy(update={"node": None})


def decided(*requests, **changes):
    return settle(facts(**{"pools": [STORAGE], "hosts": HOSTS, "requests": requests, **changes}))


def granted(*requests, **changes):
    return [g.request for g in decided(*requests, **changes).grants]


def waits(*requests, **changes):
    return [(w.kind, w.reason) for w in decided(*requests, **changes).waits]


def test_hosts_of_one_group_are_granted_and_those_of_another_wait():
    told = "pool storage: replica group r0 has hosts out, 1 at once"

    assert ["a", "b"] == granted(request("a", R0[:2]), request("b", R0[2:]))
    assert [(WaitKind.REPLICAS, told)] == waits(request("a", R0[:2]), request("b", R1[:1]))


@pytest.mark.parametrize("found", [DOWN, FOREIGN, UNLISTED], ids=["failed", "foreign", "unknown"])
def test_a_group_that_has_lost_a_host_is_the_one_group(found):
    lost = {"nodes": {R0[0]: found}}

    assert [] == granted(request("a", R1[:1]), **lost)
    assert ["b"] == granted(request("b", R0[1:2]), **lost)


def test_with_two_groups_that_lost_hosts_nothing_is_taken_out():
    lost = {"nodes": {R0[0]: DOWN, R1[0]: FOREIGN}}

    assert [] == granted(request("a", R0[1:2]), request("b", R1[1:2]), request("c", R2[:1]), **lost)
    assert ["r"] == granted(request("r", R0[:1], RequestClass.REPAIR), **lost)


def test_a_request_over_two_groups_is_told_that_it_can_never_be_had():
    told = "pool storage: it names hosts of 2 replica groups (r0, r1), 1 at once"

    assert [(WaitKind.REPLICAS, told)] == waits(request("a", [R0[0], R1[0]]))


def test_an_emergency_waits_for_the_other_group_and_takes_what_can_be_had():
    held = {"leases": [lease(R0[0], holder="visit/x")]}

    assert [] == granted(request("e", R1[:1], RequestClass.EMERGENCY), **held)
    partial = request("e", [*R1[:2], *R0[1:3]], RequestClass.EMERGENCY, partial=True)
    assert [tuple(R0[1:3])] == [g.hosts for g in decided(partial, **held).grants]


def test_an_old_request_keeps_its_group_for_itself_and_is_not_overtaken_without_end():
    old = request("old", R1[:2], asked_at=ago(hours=3))
    held = {"leases": [lease(R0[0], holder="visit/x")]}
    told = "pool storage: replica group r1 is reserved for old, which has waited longer"

    assert (WaitKind.REPLICAS, told) == waits(old, request("young", R0[1:2]), **held)[1]
    failed = {"nodes": {R0[3]: DOWN}}
    assert ["young"] == granted(old, request("young", R0[1:2]), **held, **failed)


def test_groups_by_feature_and_hosts_without_one():
    by_feature = Replicas(by=ReplicaKey.FEATURE, prefix="replica=")
    one, two = host("a", features=("replica=1", "ssd")), host("b", features=("replica=1", "replica=2"))
    its = pool(replicas=by_feature)

    assert ["replica=1", "host b"] == [group_of(h, by_feature) for h in (one, two)]
    assert "expected the scheduler to tell exactly one feature replica=* of each host, and not of b" == ungrouped(
        its, [one, two]
    )
    assert "" == ungrouped(its, [one])
    with pytest.raises(ValidationError):
        Replicas(by=ReplicaKey.FEATURE)


def test_no_domain_spans_two_groups():
    spec = DomainSpec(size=8, group_by=Grouping.NONE)

    assert [set(R0), set(R1), set(R2)] == [set(d.hosts) for d in form_domains(HOSTS, spec, BY_RACK)]
    assert 2 == len(form_domains(HOSTS, spec))


def test_hosts_out_by_plan_in_two_groups_are_counted_as_a_breach():
    def counted(*leases):
        known = facts(pools=[STORAGE], hosts=HOSTS, leases=leases)
        return breaches(known, standings(known), 0, {}, {}).replicas

    assert 0 == counted(lease(R0[0]), lease(R0[1]), lease(R1[0], holder="host/x", counted=Counted.FAILED))
    assert 1 == counted(lease(R0[0]), lease(R0[1]), lease(R1[0]))


states = st.sampled_from(["up", "up", "up", "down", "foreign", "unlisted", "planned"])
asks = st.lists(st.sets(st.integers(0, 11), min_size=1, max_size=3), max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.lists(states, min_size=12, max_size=12), asks, st.integers(1, 2), st.data())
def test_no_settling_takes_hosts_of_more_groups_than_may_have_hosts_out(where, wanted, at_once, data):
    kinds = (RequestClass.TRAIN, RequestClass.EMERGENCY, RequestClass.AD_HOC, RequestClass.ROLLBACK)
    shown = {"down": DOWN, "foreign": FOREIGN, "unlisted": UNLISTED}
    nodes = {h.name: shown[s] for h, s in zip(HOSTS, where, strict=True) if s in shown}
    leases = [lease(h.name) for h, s in zip(HOSTS, where, strict=True) if s == "planned"]
    requests = [
        request(
            f"q{n}", [HOSTS[i].name for i in sorted(hosts)], data.draw(st.sampled_from(kinds)), asked_at=ago(hours=n)
        )
        for n, hosts in enumerate(wanted)
    ]
    its = STORAGE.model_copy(update={"replicas": Replicas(by=ReplicaKey.RACK, at_once=at_once), "failure_buffer": 12})
    found = decided(*requests, pools=[its.model_copy(update={"floor": 0})], nodes=nodes, leases=leases)
    taken = {h for g in found.grants for r in requests if r.id == g.request for h in r.hosts}
    out = taken | {h.name for h, s in zip(HOSTS, where, strict=True) if s != "up"}

    if taken:
        assert len({h.rack for h in HOSTS if h.name in out}) <= at_once
