"""Joint visits: taken along where that interrupts fewer jobs, granted together or not at all, and alone in the end."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet import ids
from fleet.models.joint import Joint, Place, Stopover
from fleet.models.ledger import WaitKind
from fleet.models.rollout import Unit
from fleet.models.stop import StopKind
from fleet.models.topology import Reach, Topology
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.models.windows import Weekday, Window
from fleet.policy.grants import settle
from fleet.policy.joint import called, invited, join
from fleet.policy.meeting import stopovers, units_of
from tests.policy.make import NOW, NodeBase, ago, facts, host, lease, pool, request, seen, stop
from tests.policy.test_next_stop import train

GPU, STO = Place(pool="gpu", domain="d001"), Place(pool="sto", domain="d001")
LOG = Place(pool="log", domain="d001")
POOLS = [pool(name, floor=2) for name in ("gpu", "sto", "log")]
HOSTS = [host(f"{p.name}{n}", p.name, rack=f"r{n // 4}") for p in POOLS for n in range(8)]
UNITS = {h.name: frozenset([h.rack]) for h in HOSTS}


def names(of: str, count: int, first: int = 0) -> tuple[str, ...]:
    return tuple(f"{of}{n}" for n in range(first, first + count))


def stopover(place: Place, hosts: int = 2, units=("r0",), slack: float = 7200, **changes) -> Stopover:
    free = names(place.pool, hosts)
    return Stopover(place=place, hosts=free, units=frozenset(units), slack_seconds=slack, **changes)


def joint(place: Place, partners=(GPU, STO), key: str = "visit/c1/gpu/1/d001/1", minutes: float = 30) -> Joint:
    return Joint(key=key, place=place, partners=partners, until=NOW + timedelta(minutes=minutes), why="nic/2")


def asked(place: Place, *, hosts: int = 2, **changes):
    visit = ids.visit("c1", place.pool, 1, place.domain, 1)
    given = {"joint": joint(place), **changes}
    return request(visit, names(place.pool, hosts), **given)


def ledger(*requests, **changes):
    return facts(**{"pools": POOLS, "hosts": HOSTS, "requests": requests, **changes})


def test_a_domain_of_another_pool_is_taken_along_when_a_job_spans_both():
    found = join(stopover(GPU), [stopover(STO)], {"gpu0": ["7", "8"], "sto1": ["7"]}, 3600)

    assert ((GPU, STO), 2, 3) == (found.partners, found.together, found.apart)
    assert "visited together with sto/d001: 2 jobs are interrupted instead of 3" == found.reason
    assert 3600 == found.wait_seconds


def test_nothing_is_taken_along_that_saves_nothing_is_elsewhere_or_can_not_come_in_time():
    spans = {"gpu0": ["7"], "sto1": ["7"]}

    assert () == join(stopover(GPU), [stopover(STO)], {"gpu0": ["7"], "sto1": ["8"]}, 3600).partners
    assert () == join(stopover(GPU), [stopover(STO, units=("r1",))], spans, 3600).partners
    assert () == join(stopover(GPU), [stopover(STO, units=())], spans, 3600).partners
    assert () == join(stopover(GPU), [stopover(STO, arrives_seconds=3600)], spans, 3600).partners
    assert () == join(stopover(GPU, slack=0), [stopover(STO)], spans, 3600).partners
    assert () == join(stopover(GPU), [stopover(STO, slack=-5)], spans, 3600).partners


def test_nobody_waits_longer_than_its_cycle_allows():
    spans = {"gpu0": ["7"], "sto1": ["7"]}

    assert 600 == join(stopover(GPU), [stopover(STO, slack=600)], spans, 3600).wait_seconds


def test_of_each_pool_the_domain_that_saves_most_is_taken():
    other = Stopover(place=STO.model_copy(update={"domain": "d002"}), hosts=("sto5",), units={"r0"}, slack_seconds=9e3)
    jobs = {"gpu0": ["7", "8"], "sto0": ["7"], "sto5": ["7", "8"]}

    assert (GPU, other.place) == join(stopover(GPU), [stopover(STO), other], jobs, 3600).partners


JOBS = st.dictionaries(
    st.sampled_from([h.name for h in HOSTS]), st.lists(st.sampled_from("123456"), max_size=2, unique=True)
)


@given(JOBS, st.lists(st.tuples(st.sampled_from([STO, LOG]), st.integers(1, 8)), max_size=4), st.integers(1, 8))
def test_a_joint_visit_interrupts_fewer_jobs_than_its_parts(jobs, others, own):
    """Each job is counted anew here: by the visits that meet it."""
    stops = [stopover(p.model_copy(update={"domain": f"d{n}"}), count) for n, (p, count) in enumerate(others)]
    mine = stopover(GPU, own)
    found = join(mine, stops, jobs, 3600)
    if not found.partners:
        return
    chosen = [s for s in (mine, *stops) if s.place in found.partners]
    met = [{j for h in s.hosts for j in jobs.get(h, [])} for s in chosen]
    assert found.apart == sum(map(len, met))
    assert found.together == len(set().union(*met)) < found.apart
    assert len({p.pool for p in found.partners}) == len(found.partners) > 1


def test_both_are_granted_at_once_and_say_so():
    decided = settle(ledger(asked(GPU), asked(STO)))

    assert {"visit/c1/gpu/1/d001/1", "visit/c1/sto/1/d001/1"} == {g.request for g in decided.grants}
    assert all(g.reason.endswith("; gpu/d001, sto/d001 are visited together: nic/2") for g in decided.grants)


def test_each_begins_only_where_its_own_time_is_left_of_its_own_pools_window():
    """Storage takes four hours and its window closes in three: that the other one takes an hour does not help it."""
    window = Window(days=list(Weekday), opens="12:00", closes="15:00", zone="UTC")
    pools = [POOLS[0], pool("sto", floor=2, windows=(window,)), POOLS[2]]
    short, long = asked(GPU, expected_seconds=3600), asked(STO, expected_seconds=4 * 3600)
    decided = settle(ledger(short, long, pools=pools))

    assert () == decided.grants
    assert {WaitKind.WINDOW} == {w.kind for w in decided.waits}
    # As for a pool that is always open, it may be as long as it likes.
    other = [POOLS[0].model_copy(update={"windows": (window,)}), *POOLS[1:]]
    assert 2 == len(settle(ledger(short, long, pools=other)).grants)


def test_one_waits_for_the_other_and_holds_and_reserves_nothing_meanwhile():
    old = asked(GPU, asked_at=ago(days=1))
    decided = settle(ledger(old, request("op/1", names("gpu", 2))))

    [wait] = decided.waits
    assert (old.id, WaitKind.PARTNER) == (wait.request, wait.kind)
    words = "waits for sto/d001 until 2026-03-01 12:30:00+00:00 at the latest, to be visited together: nic/2"
    assert words == wait.reason
    assert ["op/1"] == [g.request for g in decided.grants]


def test_both_wait_for_what_one_of_them_can_not_have():
    decided = settle(ledger(asked(GPU), asked(STO), nodes={"sto0": seen("sto0", base=NodeBase.DOWN)}))

    assert () == decided.grants
    assert ["sto0 is failed: down (owner: operator)"] * 2 == [w.reason for w in decided.waits]


def test_each_goes_alone_when_its_time_is_over():
    over = [asked(p, joint=joint(p, minutes=0)) for p in (GPU, STO)]
    decided = settle(ledger(*over, nodes={"sto0": seen("sto0", base=NodeBase.DOWN)}))

    [grant] = decided.grants
    assert over[0].id == grant.request
    assert "visited alone, as its partners did not come by 2026-03-01 12:00:00+00:00" in grant.reason


def test_one_goes_alone_when_the_other_has_begun_without_it():
    visit = ids.visit("c1", "sto", 1, "d001", 1)
    decided = settle(ledger(asked(GPU), leases=[lease("sto0", holder=visit)]))

    [grant] = decided.grants
    assert grant.reason.endswith("; visited alone, as sto/d001 began without it")


def test_one_that_was_called_goes_alone_when_the_other_waits_no_longer():
    [grant] = settle(ledger(asked(STO))).grants

    assert grant.reason.endswith("; visited alone, as gpu/d001, which called it, waits no longer")


def test_two_that_called_each_other_at_the_same_time_meet():
    other = asked(STO, joint=joint(STO, partners=(STO, GPU), key="visit/c1/sto/1/d001/1"))

    assert 2 == len(settle(ledger(asked(GPU), other)).grants)


def test_a_visit_is_called_by_others_until_their_time_is_over():
    waiting = asked(GPU)

    assert joint(STO) == called(STO, [waiting], NOW)
    assert called(GPU, [waiting], NOW) is None
    assert called(LOG, [waiting], NOW) is None
    assert called(STO, [waiting], NOW + timedelta(hours=1)) is None
    assert {"d001"} == invited("sto", [waiting], NOW)
    assert set() == invited("sto", [waiting, asked(STO)], NOW)
    assert set() == invited("gpu", [waiting], NOW) | invited("sto", [waiting], NOW + timedelta(hours=1))


def cycle(*states: DomainState) -> Cycle:
    domains = tuple(
        DomainProgress(domain=Domain(name=f"d{n:03}", hosts=names("gpu", 2, 2 * n)), state=state, visit=f"v{n}")
        for n, state in enumerate(states)
    )
    return Cycle(cluster="c1", pool="gpu", number=1, opened_at=ago(hours=1), due_at=ago(hours=-10), domains=domains)


def gpu_train(of: Cycle, **changes):
    return train(of, pool=POOLS[0], hosts=tuple(HOSTS[:8]), visit_seconds=3600, **changes)


DUE, VISITING, VISITED = DomainState.DUE, DomainState.VISITING, DomainState.VISITED


def test_domains_that_are_done_given_back_or_served_already_take_no_part():
    of = cycle(VISITED, DUE, VISITING, DUE)
    kept = of.domains[3].model_copy(update={"give_backs": 1})
    of = of.model_copy(update={"domains": (*of.domains[:3], kept)})
    waiting = frozenset(names("gpu", 8))

    found = stopovers(gpu_train(of), ledger(), UNITS, waiting)
    assert ["d001", "d002"] == [s.place.domain for s in found]
    assert [{"r0"}, {"r1"}] == [s.units for s in found]
    assert {7 * 3600.0} == {s.slack_seconds for s in found}
    held = ledger(leases=[lease("gpu4", holder="v2")])
    assert ["d001"] == [s.place.domain for s in stopovers(gpu_train(of), held, UNITS, waiting)]
    assert [] == stopovers(gpu_train(of, stops=(stop(StopKind.STOP),)), ledger(), UNITS, waiting)


def test_a_domain_that_its_train_keeps_away_from_comes_when_its_jobs_were_granted():
    of = gpu_train(cycle(DUE, DUE), avoided={"d001": NOW + timedelta(hours=6)})
    found = stopovers(of, ledger(), UNITS, frozenset(names("gpu", 8)))
    assert [("d000", 0.0), ("d001", 6 * 3600.0)] == [(s.place.domain, s.arrives_seconds) for s in found]


def test_a_host_may_hang_on_several_switches_by_the_fleet_file_and_by_its_features():
    hosts = {h.name: h for h in (host("a1", features=("switch=rail1", "h100")), host("a2", rack="r9"), host("a3"))}
    switches = {"rail2": Reach(hosts="a[1,3]"), "leaf9": Reach(racks=("r9",))}

    found = units_of(hosts, Unit.SWITCH, Topology(switches=switches))

    assert {"a1": {"rail1", "rail2"}, "a2": {"leaf9"}, "a3": {"rail2"}} == found
    assert {"a2": {"r9"}} == units_of(hosts, Unit.RACK, Topology(switches=switches))


def test_a_train_that_waits_for_others_at_its_stop_is_not_called_elsewhere():
    """Else two trains might wait for each other at different domains."""
    assert [] == stopovers(gpu_train(cycle(DUE, DUE)), ledger(asked(GPU)), UNITS, frozenset(names("gpu", 8)))


TOGETHER = st.lists(st.sampled_from([GPU, STO, LOG]), min_size=2, max_size=3, unique=True)


@st.composite
def ledgers(draw):
    """Requests of three pools, some of them parts of one meeting, among leases and hosts that are down."""
    partners = tuple(draw(TOGETHER))
    requests = []
    for place in draw(st.lists(st.sampled_from([GPU, STO, LOG]), min_size=1, max_size=3, unique=True)):
        part = joint(place, partners, minutes=draw(st.sampled_from([30, 30, 30, 0]))) if place in partners else None
        age = ago(minutes=draw(st.integers(0, 5000)))
        requests.append(asked(place, hosts=draw(st.integers(1, 5)), joint=part, asked_at=age))
    requests += [
        request(f"op/{n}", names(draw(st.sampled_from(["gpu", "sto", "log"])), 2, draw(st.integers(0, 6))))
        for n in range(draw(st.integers(0, 2)))
    ]
    out = draw(st.sets(st.sampled_from([h.name for h in HOSTS]), max_size=4))
    begun = [lease(n, holder=ids.visit("c1", n[:3], 1, draw(st.sampled_from(["d001", "d002"])), 1)) for n in out]
    down = draw(st.sets(st.sampled_from([h.name for h in HOSTS]), max_size=2))
    return ledger(*requests, leases=begun, nodes={n: seen(n, base=NodeBase.DOWN) for n in down - out})


@settings(max_examples=300)
@given(ledgers())
def test_a_meeting_is_granted_whole_or_not_at_all_and_within_every_pools_limits(known):
    decided = settle(known)
    granted = {g.request for g in decided.grants}
    by_id = {r.id: r for r in known.requests}
    begun = {ids.place_of(lease.holder) for lease in known.leases.values()}
    for name in granted:
        part = by_id[name].joint
        callers = [r for r in known.requests if part and r.joint and r.joint.place == part.partners[0]]
        if part is None or known.now >= part.until or not any(known.now < r.joint.until for r in callers):
            continue
        others = [p for p in part.partners if p != part.place and (p.pool, p.domain) not in begun]
        there = {r.joint.place: r.id for r in known.requests if r.joint and known.now < r.joint.until}
        assert all(there.get(p) in granted for p in others)
    taken = [h for name in granted for h in by_id[name].hosts]
    assert len(set(taken)) == len(taken)
    assert set(taken).isdisjoint(known.leases)
    for promised in known.pools:
        planned = [h for h in (*taken, *known.leases) if h.startswith(promised.name)]
        assert len(planned) <= 4 or not set(planned) & set(taken)
    assert granted | {w.request for w in decided.waits} == set(by_id)
    assert all(w.reason for w in decided.waits)


@given(ledgers())
def test_a_meeting_whose_time_is_over_decides_as_if_there_had_been_none(known):
    over = [
        r.model_copy(update={"joint": r.joint and joint(r.joint.place, r.joint.partners, minutes=0)})
        for r in known.requests
    ]
    never = [r.model_copy(update={"joint": None}) for r in known.requests]

    late, alone = (settle(known.model_copy(update={"requests": tuple(rs)})) for rs in (over, never))

    assert [g.request for g in alone.grants] == [g.request for g in late.grants]
    assert [(w.request, w.reason) for w in alone.waits] == [(w.request, w.reason) for w in late.waits]
