"""Invariants 1 to 4, and the pieces of 5 and 7 that live in the ledger, over generated fleets and events."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.models.host import HostSet
from fleet.models.pool import DomainSpec
from fleet.policy.grants import settle
from fleet.policy.owners import unowned
from fleet.policy.sets import standings
from fleet.policy.visiting import free_to_take
from tests.policy.chances import SHAPES, WEIGHTS
from tests.policy.ledger_model import LedgerModel
from tests.policy.make import names, pool


@st.composite
def fleets(draw):
    """One to three pools with limits that may bind anywhere, and their members."""
    pools, members, first = [], {}, 1
    for i in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 10))
        members |= dict.fromkeys(names(count, first), f"p{i}")
        first += count
        planned, failure = draw(st.integers(1, 6)), draw(st.integers(1, 4))
        floor = draw(st.integers(0, count))
        pools.append(
            pool(f"p{i}", planned_buffer=planned, failure_buffer=failure, floor=floor, domain=DomainSpec(size=1))
        )
    return tuple(pools), members


events = st.lists(st.lists(st.sampled_from(sorted(WEIGHTS)), max_size=12), min_size=1, max_size=25)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(fleets(), events, st.randoms())
def test_no_sequence_of_events_breaks_buffer_floor_holder_or_wholeness(fleet, bursts, rng):
    model = LedgerModel(rng, *fleet)  # its checker asserts the invariants at every settling
    for burst in bursts:
        for kind in burst:
            model.event(kind)
        model.settle_now()
    assert len(bursts) == model.tally["settlings"]


@quick
@given(fleets(), events, st.randoms())
def test_a_settling_right_after_another_grants_nothing_more(fleet, bursts, rng):
    model = LedgerModel(rng, *fleet)
    for burst in bursts:
        for kind in burst:
            model.event(kind)
        model.settle_now()
        expected = ()
        assert expected == settle(model.facts()).grants


@quick
@given(fleets(), events, st.randoms())
def test_every_host_is_in_one_set_and_what_is_out_has_an_owner(fleet, bursts, rng):
    model = LedgerModel(rng, *fleet)
    for kind in (kind for burst in bursts for kind in burst):
        model.event(kind)
        if kind.startswith("ask"):
            model.settle_now()
    known = model.facts()
    found = standings(known)
    assert {n for n, h in known.hosts.items() if not h.decommissioned} == set(found)
    assert all((s.owner is None) == (s.set is HostSet.UP) for s in found.values())
    assert all(s.owner == "operator" and s.host not in known.leases for s in unowned(known))


@quick
@given(fleets(), events, st.randoms())
def test_a_visit_never_asks_for_what_is_leased_foreign_or_failed(fleet, bursts, rng):
    model = LedgerModel(rng, *fleet)
    for kind in (kind for burst in bursts for kind in burst):
        model.event(kind)
    known = model.facts()
    for promised in known.pools:
        taking = free_to_take(model.names, known, promised.name)
        assert sorted(model.names) == sorted([*taking.taken, *taking.left_out])
        for name in taking.taken:
            drained = SHAPES[model.view[name]].get("reason") or ""
            assert (promised.name, True) == (known.hosts[name].pool, name not in known.leases)
            assert not drained or known.hosts[name].released_at >= known.observation.began_at
