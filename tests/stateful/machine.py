"""What may happen to a dispatcher, in any order, and what must hold after each thing that happened.

The holders of leases are played by the machine: they ask, hear or do not hear of their grants, give hosts back, die.
Repairs are real. What is checked is read from the tables past our own store, against what the machine itself did.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet import ids
from fleet.models.ledger import Request, RequestClass
from fleet.models.work import HostOutcome, Outcome
from tests.scenarios.site import POOL
from tests.stateful.life import FAILURE, FLOOR, HOSTS, PLANNED, Life

NAMES = tuple(f"gpu{number:03}" for number in range(1, HOSTS + 1))
KINDS = (RequestClass.TRAIN, RequestClass.AD_HOC, RequestClass.ROLLBACK, RequestClass.EMERGENCY)
OUTSIDER = "to look at its cables"
SETTLED_WITHIN = 60.0
SETTLES = 0.2
"""Seconds that the dispatcher usually needs to settle."""
MOST_KILLED = 2
"""Holders that are killed in one history: more repairs would only stop the grants for good."""

hosts = st.sampled_from(NAMES)
wanted = st.sets(hosts, min_size=1, max_size=PLANNED)


class DispatcherMachine(RuleBasedStateMachine):
    """One history of one dispatcher. `begin` is given by the test: it opens a life."""

    begin: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.life: Life = self.runner.run(type(self).begin())
        self.number = self.killed = 0
        self.asked: dict[str, Request] = {}
        """Requests that the machine has not ended, by id."""
        self.seen: set[str] = set()
        """Grants that were checked."""
        self.stops: list[datetime] = []
        """Since when the dispatcher is known to be stopped."""
        self.out: dict[str, datetime] = {}
        """Hosts that the machine broke or an outsider drained: known to the dispatcher since then."""

    def _do(self, what: Any) -> Any:
        return self.runner.run(what)

    @initialize()
    def looked(self) -> None:
        self._do(self._observed())

    async def _observed(self) -> datetime:
        await self.life.observed_since(await self.life.store.clock())
        return await self.life.store.clock()

    # what holders do

    @rule(several=st.lists(st.tuples(st.sampled_from(KINDS), wanted), min_size=1, max_size=4), tells=st.booleans())
    def ask(self, several: list[tuple[RequestClass, set[str]]], tells: bool) -> None:
        for kind, names in several:
            self._do(self._ask(kind, tuple(sorted(names))))
        self._do(self._wake() if tells else asyncio.sleep(0))

    async def _wake(self) -> None:
        await self.life.tell("wake")
        await asyncio.sleep(SETTLES)

    async def _ask(self, kind: RequestClass, wanted: tuple[str, ...]) -> None:
        self.number += 1
        holder = f"op/{self.life.name}-{self.number}"
        await self.life.hold(holder)
        now = await self.life.store.clock()
        request = Request(id=holder, cluster=self.life.name, kind=kind, holder=holder, hosts=wanted, asked_at=now)
        self.asked[holder] = await self.life.store.request(request)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self._do(self.life.store.acknowledge(data.draw(st.sampled_from(sorted(self.asked))), self._now()))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), whole=st.booleans())
    def give_back(self, data: st.DataObject, whole: bool) -> None:
        self._do(self._give_back(data.draw(st.sampled_from(sorted(self.asked))), whole=whole))

    async def _give_back(self, holder: str, *, whole: bool) -> None:
        leases = await self.life.store.leases(holder)
        for lease in leases if whole else leases[:1]:
            outcome = HostOutcome(
                cluster=self.life.name,
                pool=POOL,
                host=lease.host,
                operation=lease.operation,
                outcome=Outcome.CURRENT,
                reason="given back",
                at=await self.life.store.clock(),
            )
            await self.life.store.release(self.life.name, lease.host, lease.operation, outcome, outcome.at)
        await self.life.tell("wake")

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from(sorted(self.asked)))
        self._do(self.life.store.withdraw(holder, "no longer wanted", self._now()))
        del self.asked[holder]

    @precondition(lambda self: self.killed < MOST_KILLED and self._holders())
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from(self._holders()))
        self.killed += 1
        self._do(self._die(holder))

    async def _die(self, holder: str) -> None:
        """A holder is gone for good: its hosts go to repair."""
        await self.life.terminate(holder)
        del self.asked[holder]

        async def rescued() -> bool:
            leases = self.life.read("SELECT * FROM lease_hosts WHERE counted = 'planned'")
            return not [row for row in leases if row["holder"] == holder]

        await self.life.until(rescued, SETTLED_WITHIN, f"the hosts of {holder} go to repair")

    # what happens to the fleet

    @rule(host=hosts, outsider=st.booleans())
    def goes_out(self, host: str, outsider: bool) -> None:
        if host in self.out or len(self.out) >= FAILURE:
            return
        if outsider:
            self.life.world.drain_by_other(host, OUTSIDER)
        else:
            self.life.world.kill_daemon(host)
        self.out[host] = self._do(self._observed())

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        self._comes_back(data.draw(st.sampled_from(sorted(self.out))))

    def _comes_back(self, host: str) -> None:
        del self.out[host]
        self.life.world.repair_host(host)
        if self._do(self.life.drained_because(host)) == OUTSIDER:
            self.life.world.undrain_by_other(host)

    @rule(host=hosts)
    def a_person_repairs(self, host: str) -> None:
        if any(row["counted"] == "failed" for row in self._leased(host)):
            self._do(self.life.repaired(host))

    # what people and machines do to the dispatcher

    @precondition(lambda self: not self.stops)
    @rule(verb=st.sampled_from(("stop", "freeze")))
    def stop(self, verb: str) -> None:
        self._do(self._stop(verb))

    async def _stop(self, verb: str) -> None:
        await self.life.tell(verb, "to see what happens")

        async def written() -> bool:
            return bool(await self.life.store.stops(self.life.name))

        await self.life.until(written, SETTLED_WITHIN, "the stop is written")
        self.stops.append(await self.life.store.clock())

    @precondition(lambda self: self.stops)
    @rule()
    def resume(self) -> None:
        self.stops.clear()
        self._do(self._resume())

    async def _resume(self) -> None:
        await self.life.tell("resume", "seen enough")

        async def lifted() -> bool:
            return not await self.life.store.stops(self.life.name)

        await self.life.until(lifted, SETTLED_WITHIN, "the stop is lifted")

    @rule()
    def the_dispatcher_dies(self) -> None:
        self._do(self._replace())

    async def _replace(self) -> None:
        await self.life.terminate(ids.dispatcher(self.life.name))
        await self.life.start_dispatcher()

    @rule(pause=st.sampled_from((0.0, 0.3)))
    def the_worker_is_replaced(self, pause: float) -> None:
        self._do(self._serve_again(pause))

    async def _serve_again(self, pause: float) -> None:
        await self.life.leave()
        await asyncio.sleep(pause)
        self.life.serve()

    @rule(seconds=st.sampled_from((0.1, 0.4)))
    def time_passes(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    # what must hold

    @invariant()
    def no_buffer_is_overdrawn_and_every_grant_was_allowed(self) -> None:
        leases = self.life.read("SELECT * FROM lease_hosts")
        planned = [row["host"] for row in leases if row["counted"] == "planned"]
        assert len(planned) <= PLANNED, planned
        rows = self.life.read("SELECT * FROM requests WHERE granted_at IS NOT NULL ORDER BY granted_at")
        for row in rows:
            if row["id"] not in self.seen:
                self.seen.add(row["id"])
                self._check(row["id"], row["kind"], _moment(row["granted_at"]), leases)

    def _check(self, request: str, kind: str, granted_at: datetime, leases: list[Any]) -> None:
        if kind == RequestClass.REPAIR:
            return
        assert not [stop for stop in self.stops if granted_at > stop], f"{request} was granted under a stop"
        known_out = {host for host, since in self.out.items() if since < granted_at}
        leased = {row["host"] for row in leases if _moment(row["since"]) <= granted_at}
        up = len(NAMES) - len(known_out | leased)
        assert up >= FLOOR, f"{request} left {up} up: {known_out} out, {leased} leased"
        mine = {row["host"] for row in leases if row["request"] == request}
        assert mine <= set(self.asked[request].hosts) if request in self.asked else True, f"{request} holds {mine}"
        assert not mine & known_out, f"{request} was granted {mine & known_out}, which were out"

    def teardown(self) -> None:
        """Everything that waits is granted in the end, and nobody's host stays behind."""
        try:
            if self.life is not None:
                self._end()
        finally:
            self._do(self.life.close())
            self.runner.close()

    def _end(self) -> None:
        if self.stops:
            self.stops.clear()
            self._do(self._resume())
        for host in list(self.out):
            self._comes_back(host)
        try:
            self._do(self.life.until(self._all_at_rest, SETTLED_WITHIN, "everything is granted and every host is back"))
        except AssertionError as error:
            waiting = self.life.read("SELECT id, hosts, waits_because FROM requests WHERE state = 'waiting'")
            leases = self.life.read("SELECT host, holder, counted, why FROM lease_hosts")
            raise AssertionError(f"{error}: {[tuple(row) for row in (*waiting, *leases)]}") from error

    async def _all_at_rest(self) -> bool:
        for holder in list(self.asked):
            await self._give_back(holder, whole=True)
        for row in self.life.read("SELECT host FROM lease_hosts WHERE counted = 'failed'"):
            await self.life.repaired(row["host"])
        await asyncio.sleep(0.2)
        self.no_buffer_is_overdrawn_and_every_grant_was_allowed()
        rest = self.life.read("SELECT id FROM requests WHERE state = 'waiting' UNION SELECT host FROM lease_hosts")
        return not rest

    def _holders(self) -> list[str]:
        """Requests of the machine that hold hosts."""
        return sorted({row["request"] for row in self.life.read("SELECT request FROM lease_hosts")} & set(self.asked))

    def _leased(self, host: str) -> list[Any]:
        return [row for row in self.life.read("SELECT * FROM lease_hosts") if row["host"] == host]

    def _now(self) -> datetime:
        found: datetime = self._do(self.life.store.clock())
        return found


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
