"""What is told to those far behind in a queue changes nothing of what is granted, reserved or told to those before."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.models.joint import Joint, Place
from fleet.models.ledger import Counted, RequestClass, WaitKind
from fleet.models.operation_part import OperationPart
from fleet.models.pool import DomainSpec
from fleet.models.scheduler import NodeBase
from fleet.policy.grants import settle
from tests.policy.ledger_model import LedgerModel
from tests.policy.make import ago, facts, host, lease, names, pool, request, seen
from tests.policy.test_grants_hold import events, fleets

ALL = 10**6
KINDS = (*RequestClass, RequestClass.TRAIN, RequestClass.AD_HOC, RequestClass.AD_HOC)
MINUTES = (0, 1, 8, 50)
"""Ages of requests; from five minutes on they reserve."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fleets(), events, st.randoms(use_true_random=False), st.integers(0, 3))
def test_a_queue_that_is_cut_short_grants_the_same(fleet, bursts, rng, in_full):
    model = LedgerModel(rng, *fleet)
    for burst in bursts:
        for kind in burst:
            model.event(kind)
        known = model.facts()
        assert settle(known, in_full=ALL).grants == settle(known, in_full=in_full).grants
        model.settle_now()


def test_those_far_behind_are_told_that_there_is_no_room():
    crowd = [request(f"r{n:03}", names(1, 1 + n % 12), RequestClass.AD_HOC) for n in range(300)]

    settled = settle(facts(requests=crowd), in_full=20)

    assert 4 == len(settled.grants)
    far = [w for w in settled.waits if "20 requests or more wait before it" in w.reason]
    assert (296 - 20, {WaitKind.LIMIT}) == (len(far), {w.kind for w in far})


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_nor_does_it_where_operations_emergencies_and_joint_visits_are_in_the_queue(rng):
    known = crowded(rng)
    expected = settle(known, in_full=ALL).grants
    assert [expected] * 3 == [settle(known, in_full=few).grants for few in (0, 1, 2)]


def crowded(rng):
    """One to three pools with hosts in several hands, and all kinds of requests; only switches go past limits."""
    pools, pool_of = [], {}
    for number in range(rng.randint(1, 3)):
        its = names(rng.randint(2, 8), 1 + len(pool_of))
        pool_of |= dict.fromkeys(its, f"p{number}")
        limits = {"planned_buffer": rng.randint(1, 5), "failure_buffer": 4, "floor": rng.randrange(len(its))}
        pools.append(pool(f"p{number}", domain=DomainSpec(size=1), reserve_after=timedelta(minutes=5), **limits))
    out = {n: rng.choice((Counted.PLANNED, Counted.PLANNED, Counted.FAILED)) for n in pool_of if rng.random() < 0.2}
    shown = {"down": {"base": NodeBase.DOWN}, "foreign": {"draining": True, "reason": "bob"}}
    nodes = {n: seen(n, **shown[rng.choice(("down", "foreign"))]) for n in pool_of if rng.random() < 0.15}
    asked = [one(f"r{n:02}", rng, pool_of) for n in range(rng.randint(3, 14))]
    urgent = {r.hosts and pool_of[r.hosts[0]]: "large/c1/x" for r in asked if r.kind is RequestClass.LARGE}
    return facts(
        pools=pools,
        hosts=[host(n, p, released_at=ago(seconds=3) if rng.random() < 0.05 else None) for n, p in pool_of.items()],
        leases=[lease(n, f"visit/{n}", counted) for n, counted in out.items()],
        nodes=nodes,
        requests=sorted(asked, key=lambda r: (r.asked_at, r.id)),
        urgent=urgent,
    )


def one(name, rng, pool_of):
    """A request; of one pool, but where several trains meet or an operation goes across."""
    kind, every = rng.choice(KINDS), sorted(pool_of)
    its_pool = pool_of[rng.choice(every)]
    here = [n for n in every if pool_of[n] == its_pool or (kind is RequestClass.AD_HOC and rng.random() < 0.5)]
    hosts = sorted(rng.sample(here, min(len(here), rng.randint(1, 3))))
    more = {"asked_at": ago(minutes=rng.choice(MINUTES))}
    if kind in (RequestClass.EMERGENCY, RequestClass.LARGE):
        more |= {"partial": rng.random() < 0.8, "holder": f"visit/c1/{its_pool}/{kind}/x/1"}
    elif kind is RequestClass.AD_HOC and rng.random() < 0.6:
        scope, takes = sorted({*hosts, rng.choice(every)}), rng.random() < 0.7
        told = {"kind": rng.choice("ab"), "not_with": rng.choice(((), ("a",), ("upgrade-host",))), "clusters": ("c1",)}
        parks = takes and rng.random() < 0.5
        more["part"] = OperationPart(operation=name, scope=tuple(scope), takes=takes, parks=parks, **told)
        hosts = hosts if takes else scope
    elif kind is RequestClass.TRAIN and rng.random() < 0.3:
        places = tuple(Place(pool=p, domain="d1") for p in dict.fromkeys(pool_of.values()))
        place = Place(pool=its_pool, domain="d1")
        until = ago(minutes=rng.choice((-1, 1)))
        more["joint"] = Joint(key="k", place=place, partners=places, until=until, why="x")
    return request(name, hosts, kind, **more)
