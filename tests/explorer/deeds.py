"""What holders and the dispatcher do to the ledger: the transactions of the steps, in their order, by the real store,
policies and, where they need no Temporal, the activities themselves.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from activities.deps import Deps
from activities.repair_book import repair_of
from activities.visit import Visiting
from fleet import ids
from fleet.errors import LeaseLost, MaintrainError, StaleAttempt, Unreachable
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.ledger import Autostop, Counted, LeaseHost, Settlement
from fleet.models.messages import VisitAsk, VisitInput
from fleet.models.observation import Observation, ObservedHost
from fleet.models.scheduler import Node, NodeBase
from fleet.models.stop import Stop, StopKind
from fleet.models.work import HostOutcome, HostWork, Outcome
from fleet.policy.owners import unowned, vanished
from fleet.policy.stopping import Deed, Proceed, may_begin
from store.tables.fleet import HOSTS
from store.tables.ledger import LEASE_HOSTS, OBSERVATIONS, STOPS
from tests.explorer.canonical import TABLES
from tests.explorer.database import ExploredStore
from tests.explorer.ledger import Ledgers
from tests.explorer.moments import LONG_AGO, NOW
from tests.explorer.op_deeds import OperationDeeds

C = "c1"
DOWN, FOREIGN, UP = "down", "foreign", "up"
OURS = ids.drain_reason(ids.PLANNED, "one")
"""How a look shows a drain of ours."""


class NoEngine:
    """See `fleet.ports.engine.Engine`."""

    async def running(self, workflow_id: str) -> bool:
        raise AssertionError("nothing here asks the engine")

    async def wake(self, workflow_id: str) -> bool:
        raise AssertionError("nothing here wakes a workflow")

    async def signalled(self, workflow_id: str, run_id: str, signal: str) -> datetime | None:
        raise AssertionError("nothing here was signalled")


class NoPager:
    """See `fleet.ports.engine.Pager`."""

    async def page(self, title: str, body: str, to: str = "") -> None:
        raise AssertionError("nothing here pages")


@dataclass
class Deeds(OperationDeeds):
    """Each method runs on one ledger, and answers with the ledger after it and what it answered."""

    ledgers: Ledgers
    pool_of: dict[str, str]
    domains: dict[str, str]
    """Visit: its domain."""
    policy: Callable[[LedgerFacts], Settlement]

    def __post_init__(self) -> None:
        self._footings: dict[Hashable, tuple[bool, bool, bool]] = {}
        self._lost: dict[Hashable, tuple[tuple[str, str], ...]] = {}
        self._failures: dict[Hashable, tuple[str, ...]] = {}
        self.deps = Deps(store=self.store, hands={}, pager=NoPager(), engine=NoEngine())

    @property
    def store(self) -> ExploredStore:
        return self.ledgers.store

    def run(self, ledger: int, deed: str, *args, since=None, until=None):
        """Do one of the deeds below."""
        method = getattr(self, f"_{deed}")
        return self.ledgers.run(ledger, (deed, *args), lambda: method(*args), since=since, until=until)

    def footing(self, ledger: int, host: str, operation: str) -> tuple[bool, bool, bool]:
        """Whether the operation holds the host, and what the stops in force say to a drain, and in repair."""
        rows = self.ledgers.known[ledger]
        memo = (rows[TABLES.index(LEASE_HOSTS)], rows[TABLES.index(STOPS)], host, operation)
        found = self._footings.get(memo)
        if found is None:
            found = self._footings[memo] = self.run(ledger, "footing", host, operation)[1]
        return found

    def ownerless(self, ledger: int, alive: frozenset[str]) -> tuple[tuple[str, str], ...]:
        """Hosts whose holders are gone, each with the operation that held it."""
        rows = self.ledgers.known[ledger][TABLES.index(LEASE_HOSTS)]
        found = self._lost.get((rows, alive))
        if found is None:
            leases = [LeaseHost(**{**row, "since": LONG_AGO}) for row in self.ledgers.rows(ledger, LEASE_HOSTS)]
            asked = {lease.holder for lease in leases} | {ids.host(C, lease.host) for lease in leases}
            lost = vanished(leases, {name: name in alive for name in asked})
            found = self._lost[rows, alive] = tuple((o.host, o.operation) for o in lost)
        return found

    def failed(self, ledger: int) -> tuple[str, ...]:
        """Hosts that failed as last seen, and that nobody holds."""
        known = self.ledgers.known[ledger]
        parts = (LEASE_HOSTS, HOSTS, OBSERVATIONS)
        memo = tuple(known[TABLES.index(table)] for table in parts)
        found = self._failures.get(memo)
        if found is None:
            found = self._failures[memo] = self.run(ledger, "failed")[1]
        return found

    async def _failed(self):
        facts = await self.store.facts(C, NOW)
        return tuple(s.host for s in unowned(facts) if s.set is HostSet.FAILED)

    async def _ask(self, visit: str, number: int):
        pool = visit.split("/")[2]
        asked = VisitInput(cluster=C, pool=pool, visit=visit, domain=self.domains[visit])
        try:
            found = await Visiting(self.deps)._ask(VisitAsk(input=asked, ask=number))
        except Unreachable:  # before the first look: it tries again
            return "waits", number, ""
        return ("granted" if found.granted else "waits" if found.hosts else "nothing"), found.ask, found.request

    async def _board(self, visit: str):
        leases = await self.store.leases(visit)
        for request in sorted({lease.request for lease in leases}):
            await self.store.acknowledge(request, NOW)
        return tuple(lease.host for lease in leases)

    async def _release(self, host: str, operation: str, how: str = "upgraded"):
        """As `activities.returning` does: the lease is read first, and it is that one that ends."""
        lease = await self.store.lease(C, host)
        if lease is None or lease.operation != operation:
            return False
        try:
            return await self._end_lease(host, operation, how, since=lease.since)
        except StaleAttempt:
            return False

    async def _leave(self, host: str, operation: str):
        """As a visit does with a host that another workflow has."""
        return await self._end_lease(host, operation, "left_out")

    async def _end_lease(self, host: str, operation: str, how: str, since=None):
        outcome = HostOutcome(
            cluster=C,
            pool=self.pool_of[host],
            host=host,
            operation=operation,
            visit=ids.op_of(operation),
            outcome=Outcome(how),
            reason="explored",
            at=NOW,
        )
        return await self.store.release(C, host, operation, outcome, NOW, since=since)

    async def _hand_over(self, host: str, operation: str):
        """As `activities.hand_over` does: the number of the repair, then its lease. None when the lease is lost."""
        work = HostWork(cluster=C, pool=self.pool_of[host], host=host, operation=operation)
        repair = await repair_of(self.deps, work)
        try:
            await self.store.take_for_repair(_repair_lease(host, repair), operation)
        except LeaseLost:
            return None
        return repair

    async def _open_repair(self, host: str):
        """The dispatcher gives a host that failed in production to its repair. None when somebody holds it."""
        repair = ids.repair_operation(C, host, await self.store.next_repair(C, host))
        try:
            await self.store.lease_for_repair(_repair_lease(host, repair))
        except LeaseLost:
            return None
        return repair

    async def _withdraw(self, request: str):
        await self.store.withdraw(request, "explored", NOW)

    async def _bury(self, visit: str):
        """As the train does with what a visit that is gone never took up."""
        facts = await self.store.facts(C, NOW)
        for request in (*facts.requests, *await self.store.unacknowledged(C)):
            if request.holder == visit:
                await self.store.withdraw(request.id, "explored", NOW)

    async def _settle(self):
        """Requests granted now, and the holders that are to be told; or, as a text, why the store said no."""
        try:
            settled = await self.store.settle(C, NOW, self.policy)
        except MaintrainError as error:
            return str(error)
        told = {request.holder for request in await self.store.unacknowledged(C)}
        return tuple((g.request, g.hosts) for g in settled.grants), tuple(sorted(told))

    async def _look(self, truth: tuple[tuple[str, str], ...], began_at):
        hosts = {host: ObservedHost(host=host, node=_node(host, state)) for host, state in truth}
        await self.store.record_observation(Observation(cluster=C, began_at=began_at, hosts=hosts))

    async def _look_in_vain(self):
        empty = Observation(cluster=C, began_at=NOW, hosts={}, error="no answer")
        await self.store.record_observation(empty)

    async def _footing(self, host: str, operation: str):
        pool = self.pool_of[host]
        footing = await self.store.footing(C, pool, host, operation)
        held = footing.lease is not None and footing.lease.operation == operation
        drain = may_begin(footing.stops, C, pool, Deed.DRAIN, repair=False, safe_point=True)
        repair = may_begin(footing.stops, C, pool, Deed.DISRUPT, repair=True, safe_point=True)
        return held, drain.answer is Proceed.GO, repair.answer is Proceed.GO

    async def _stop(self, kind: StopKind):
        await self.store.set_stop(Stop(kind=kind, cluster=C, actor="ann", reason="explored", at=NOW))

    async def _resume(self):
        await self.store.lift_stop(C, None, "ann", "explored", NOW)
        for pool in sorted(set(self.pool_of.values())):
            await self.store.set_autostop(C, pool, Autostop(reason=""), "ann", "explored", NOW)


def _repair_lease(host: str, repair: str) -> LeaseHost:
    holder = ids.host(C, host)
    lasting = {"counted": Counted.FAILED, "since": LONG_AGO}
    return LeaseHost(cluster=C, host=host, request=repair, holder=holder, operation=repair, **lasting)


def _node(host: str, state: str) -> Node:
    """What the scheduler shows of a host; any other state is a drain's reason."""
    if state in (UP, DOWN):
        return Node(name=host, base=NodeBase.IDLE if state == UP else NodeBase.DOWN)
    return Node(name=host, base=NodeBase.IDLE, draining=True, reason="by bob" if state == FOREIGN else state)
