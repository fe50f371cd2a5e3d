"""Every state of small fleets, over the real policies and the real store: no promise is broken in any of them, and from
each there is a way to the end. And things that are wrong on purpose, each of which is found.
"""

import gc
from dataclasses import replace

import pytest
from sqlalchemy import delete

from fleet.models.ledger import Counted
from fleet.models.stop import StopKind
from fleet.policy.grants import settle
from store.leases import lease_on
from store.members import mark_released
from store.requests import end_without_leases
from store.tables.ledger import LEASE_HOSTS
from tests.explorer.canonical import TABLES
from tests.explorer.database import ExploredStore
from tests.explorer.instance import Instance
from tests.explorer.judge import judge
from tests.explorer.moments import NOW
from tests.explorer.search import Space, Violated, explore, trapped
from tests.explorer.world import State, World

MOST = 100_000
NOT_IN_STATES = {"visits", "events"}
"""Written and read though no part of a state: of a visit only its domain is asked, which stays, and of an event only
whether others were told of it before.
"""
APART = Instance({"p": "abc"}, (("p", "ab"), ("p", "c")))
CROSSING = Instance({"p": "abc"}, (("p", "ab"), ("p", "bc")))
HELD = Instance({"p": "ab"}, (("p", "a"),), holds=("a",))
INSTANCES = {
    "hosts that fail and workflows that are ended": (APART, ("fail", "kill")),
    "scopes that intersect, and a stop": (CROSSING, (StopKind.STOP,)),
    "a worker that stands still before a write, and a host that fails": (
        Instance({"p": "abc"}, (("p", "ab"),)),
        ("late", "fail"),
    ),
    "a worker that stands still before a release, and a repair that is begun anew": (
        Instance({"p": "abc"}, (("p", "a"),)),
        ("late", "kill", "fail"),
    ),
    "an operation whose scope a visit shares, a host that fails, and a word that calls it off": (
        HELD,
        ("fail", "cancel"),
    ),
    "an operation that takes one host and joins a visit on the other": (
        Instance({"p": "abc"}, (("p", "a"),), holds=("ab",)),
        (),
    ),
    "two pools, a visit that vanishes, and one that forgets": (
        Instance({"p": "ab", "q": "cd"}, (("p", "a"), ("q", "c"))),
        ("vanish", "forget"),
    ),
    "time that passes": (Instance({"p": "abc"}, (("p", "a"), ("p", "b")), time=True), ()),
    "a look that is written down late, and a host that dies": (
        Instance({"p": "abc"}, (("p", "a"),)),
        ("slow look", "die"),
    ),
}


@pytest.fixture(autouse=True)
def _without_collecting():
    """States are all kept, so that collecting garbage again and again finds none."""
    gc.disable()
    yield
    gc.enable()


def searched(instance: Instance, troubles=(), **wrong) -> tuple[World, Space[State]]:
    instance = replace(instance, troubles=tuple(troubles))
    world, start = instance.open(**wrong)
    return world, explore(start, world.moves, lambda state: judge(world, state), MOST)


@pytest.mark.parametrize("name", INSTANCES)
def test_no_state_breaks_a_promise_and_each_has_a_way_to_the_end(name):
    world, space = searched(*INSTANCES[name])
    ledgers = world.deeds.ledgers
    print(  # noqa: T201  (how much was searched is the result)
        f"{name}: {len(space.states)} states, {space.moves} moves; "
        f"{len(ledgers.known)} ledgers, {ledgers.runs} transactions run"
    )
    stuck = trapped(space, world.is_over)

    assert [] == [space.way_to(number) for number in stuck[:1]]
    assert NOT_IN_STATES >= ledgers.database.written & ledgers.database.read_from - {table.name for table in TABLES}
    assert len(space.states) > 1000


def blind_to_leases(facts):
    return settle(facts.model_copy(update={"leases": {}}))


def generous(facts):
    return settle(
        facts.model_copy(update={"pools": tuple(p.model_copy(update={"planned_buffer": 9}) for p in facts.pools)})
    )


def without_a_floor(facts):
    wide = {"planned_buffer": 9, "floor": 0}
    return settle(facts.model_copy(update={"pools": tuple(p.model_copy(update=wide) for p in facts.pools)}))


def trusting(facts):
    look = facts.observation and facts.observation.model_copy(update={"began_at": NOW})
    return settle(facts.model_copy(update={"observation": look}))


class CarelessStore(ExploredStore):
    """Its release ends whatever lease is on the host."""

    async def release(self, cluster, host, operation, outcome, now, *, since=None, unless_boarded=False):
        def work(connection):
            lease = lease_on(connection, cluster, host)
            connection.execute(delete(LEASE_HOSTS).where(LEASE_HOSTS.c.host == host))
            mark_released(connection, cluster, [host], now)
            end_without_leases(connection, lease.request if lease else "", "released", now)

        await self._database.write(work)


class DeafStore(ExploredStore):
    """It does not tell that an outsider works on a host."""

    async def parkings(self, cluster, host):
        return ()


class ForgetfulStore(ExploredStore):
    """Its handover frees the host first."""

    async def take_for_repair(self, lease, expected):
        held = await self.lease(lease.cluster, lease.host)
        if held is not None and held.operation == expected and held.counted is Counted.PLANNED:
            await self.withdraw(held.request, "handed over", lease.since)
        return await super().lease_for_repair(lease)


@pytest.mark.parametrize(
    ("instance", "troubles", "wrong", "found"),
    [
        (CROSSING, (), {"policy": blind_to_leases}, "3, one holder"),
        (APART, (), {"policy": without_a_floor}, "2, floor"),
        (Instance({"p": "abcd"}, (("p", "ab"), ("p", "c"))), (), {"policy": generous}, "1, contract"),
        (Instance({"p": "abc"}, (("p", "a"),), time=True), (), {"policy": trusting}, "6, fail closed"),
        (Instance({"p": "abc"}, (("p", "a"),)), ("late", "kill"), {"store": CarelessStore}, "5, owners"),
        (Instance({"p": "abc"}, (("p", "ab"),)), ("fail",), {"store": ForgetfulStore}, "5, owners"),
        (HELD, (), {"store": DeafStore}, "an outsider works"),
    ],
    ids=["leases", "floor", "buffer", "stale look", "release of another's lease", "handover with a gap", "no parking"],
)
def test_what_is_wrong_on_purpose_is_found(instance, troubles, wrong, found):
    with pytest.raises(Violated, match=f"^{found}"):
        searched(instance, troubles, **wrong)


def test_a_queue_that_grants_nobody_is_found_to_go_nowhere():
    def never(facts):
        return settle(facts.model_copy(update={"requests": ()}))

    world, space = searched(Instance({"p": "abc"}, (("p", "a"),)), policy=never)

    assert len(space.states) == len(trapped(space, world.is_over))
