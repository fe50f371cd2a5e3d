"""The port to the facts: SQL behind five nouns. Every write is idempotent by the id it carries; every method is one
transaction; everything that touches a cluster's ledger is serialised per cluster.
"""

from collections.abc import Callable
from typing import Protocol

from fleet.models.audit import AuditEntry, FleetRecord
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts, TrainFacts
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.ledger import Autostop, LeaseHost, Request, Settlement
from fleet.models.matrix import MatrixEntry
from fleet.models.observation import Observation
from fleet.models.stop import Stop
from fleet.models.train import Cycle, Domain, Visit
from fleet.models.work import HostOutcome, HostWork, StepRecord


class FleetFacts(Protocol):
    """The fleet file in force, hosts, versions, matrix, audit."""

    async def load_fleet(self, fleet: FleetFile, text: str, actor: str, reason: str, now: Moment) -> FleetRecord:
        """Put a fleet file in force as a new revision; the same file again is no new revision. Audited."""
        ...

    async def fleet(self) -> FleetRecord | None:
        """The fleet file in force (cached by revision, so it is cheap)."""
        ...

    async def sync_hosts(self, cluster: str, hosts: tuple[Host, ...], now: Moment) -> None:
        """Make the members of a cluster's pools be exactly these; gone ones are kept as retired, out of `hosts`."""
        ...

    async def hosts(self, cluster: str, pool: str | None = None) -> tuple[Host, ...]:
        """Members by name, decommissioned ones too, retired ones not."""
        ...

    async def set_decommissioned(self, cluster: str, host: str, actor: str, reason: str, now: Moment) -> None:
        """Take a member, or one that is retired, out of service for good. Audited."""
        ...

    async def record_versions(self, cluster: str, host: str, versions: dict[str, str], now: Moment) -> None:
        """Versions as observed."""
        ...

    async def versions(self, cluster: str) -> dict[str, dict[str, str]]:
        """Last observed versions by host."""
        ...

    async def add_matrix(
        self, cluster: str, entries: tuple[MatrixEntry, ...], actor: str, reason: str, now: Moment
    ) -> int:
        """Publish entries that are not there yet; how many were new. Audited."""
        ...

    async def matrix(self, cluster: str) -> tuple[MatrixEntry, ...]:
        """Published entries (those of the fleet file are not among them)."""
        ...

    async def audit(self, entry: AuditEntry) -> None:
        """Who did what, why and when."""
        ...

    async def audit_log(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Newest first."""
        ...


class TrainBook(Protocol):
    """Cycles, domains, visits, notices."""

    async def train_facts(self, cluster: str, pool: str, now: Moment) -> TrainFacts | None:
        """Facts for the next stop; None when the fleet file has no such pool."""
        ...

    async def ask_cycles(
        self, cluster: str, pool: str, cycles: int | None, actor: str, reason: str, now: Moment
    ) -> None:
        """Let the train run `cycles` more cycles, or without end (None). Audited."""
        ...

    async def open_cycle(
        self, cluster: str, pool: str, number: int, domains: tuple[Domain, ...], now: Moment, due: Moment
    ) -> None:
        """Open a cycle over these domains; idempotent by number."""
        ...

    async def close_cycle(self, cluster: str, pool: str, number: int, now: Moment) -> None:
        """Close a cycle, which uses up one asked cycle."""
        ...

    async def cycle(self, cluster: str, pool: str, number: int | None = None) -> Cycle | None:
        """A cycle, or the latest."""
        ...

    async def noticed(self, cluster: str, pool: str, cycle: int, domain: str, now: Moment) -> None:
        """The jobs of a domain were told."""
        ...

    async def skip(self, cluster: str, pool: str, domain: str, actor: str, reason: str, now: Moment) -> bool:
        """Leave a due domain out of the open cycle; False when it is not due. Audited."""
        ...

    async def open_visit(self, visit: Visit) -> bool:
        """Write a visit and mark its due domain as visiting; False, and nothing written, when it is no longer due."""
        ...

    async def close_visit(
        self, visit_id: str, now: Moment, reason: str, *, gave_back: bool, due_again: bool = False
    ) -> None:
        """End a visit. `gave_back`: jobs kept the domain; it is due again, and one give-back is counted.
        `due_again`: due again for another reason (a stop), which is not counted.
        """
        ...

    async def visit(self, visit_id: str) -> Visit | None:
        """A visit."""
        ...

    async def add_left_out(self, visit_id: str, left_out: dict[str, str]) -> None:
        """Name more hosts that a visit does not take, with why."""
        ...


class Ledger(Protocol):
    """Requests, leases, observations, autostops, stops."""

    async def request(self, request: Request) -> Request:
        """File a request, or return the one of that id as it stands."""
        ...

    async def withdraw(self, request_id: str, reason: str, now: Moment) -> None:
        """End a request and every lease of it that is still counted as planned and untouched by a handover."""
        ...

    async def settle(self, cluster: str, now: Moment, decide: Callable[[LedgerFacts], Settlement]) -> Settlement:
        """Read the facts, decide, and commit grants, waits and autostops at once.

        A repair's leases count as failed, all others as planned.
        """
        ...

    async def facts(self, cluster: str, now: Moment) -> LedgerFacts:
        """The same facts, for reading."""
        ...

    async def unacknowledged(self, cluster: str) -> tuple[Request, ...]:
        """Granted requests whose holder has not acknowledged."""
        ...

    async def acknowledge(self, request_id: str, now: Moment) -> Request | None:
        """The holder knows of its grant."""
        ...

    async def lease(self, cluster: str, host: str) -> LeaseHost | None:
        """The live lease on a host."""
        ...

    async def leases(self, holder: str) -> tuple[LeaseHost, ...]:
        """Live leases that a workflow holds."""
        ...

    async def take_for_repair(self, lease: LeaseHost, expected: str) -> LeaseHost:
        """Hand over: make the host's lease, held by the operation `expected`, this one, counted as failed.

        Idempotent. Raises `LeaseLost`, and changes nothing, when another operation or nobody holds the host.
        """
        ...

    async def release(self, cluster: str, host: str, operation: str, outcome: HostOutcome, now: Moment) -> bool:
        """Write the outcome and end the lease if `operation` holds it; its request ends with its last host."""
        ...

    async def record_observation(self, observation: Observation) -> None:
        """The dispatcher's look. One with an `error` keeps the hosts and age of the last good one."""
        ...

    async def stops(self, cluster: str | None = None, pool: str | None = None) -> tuple[Stop, ...]:
        """Stops in force that cover the pool, the cluster, or (both None) all of them."""
        ...

    async def set_stop(self, stop: Stop) -> None:
        """Put a stop in force; the same scope and kind again keeps the first. Audited."""
        ...

    async def lift_stop(self, cluster: str | None, pool: str | None, actor: str, reason: str, now: Moment) -> int:
        """Lift stops and freezes of exactly this scope; how many. Audited."""
        ...

    async def set_autostop(
        self, cluster: str, pool: str, autostop: Autostop, actor: str, reason: str, now: Moment
    ) -> None:
        """An operator resumes (or a train pauses) a pool. Audited."""
        ...


class HostBook(Protocol):
    """What happened on hosts: intents, steps, outcomes, repairs, rendezvous."""

    async def open_intent(self, operation: str, step: str, token: str, before: Before, now: Moment) -> Intent:
        """Write an intent if there is none, or reopen a withdrawn one; the one in force either way (compare tokens)."""
        ...

    async def intent(self, operation: str, step: str) -> Intent | None:
        """The intent of a step."""
        ...

    async def take_over_intent(self, operation: str, step: str, old: str, new: str, now: Moment) -> bool:
        """Compare-and-set the token; False when another attempt was faster."""
        ...

    async def record_task(self, operation: str, step: str, token: str, task: str) -> None:
        """Name the device task. Raises `StaleAttempt` when the token is no longer in force."""
        ...

    async def finish_intent(self, operation: str, step: str, token: str, state: IntentState, result: str) -> None:
        """Close an intent. Raises `StaleAttempt` when the token is no longer in force."""
        ...

    async def intents(self, operation: str) -> tuple[Intent, ...]:
        """Intents of an operation in the order they were opened."""
        ...

    async def save_work(self, work: HostWork) -> None:
        """Keep what was boarded on a host, by operation."""
        ...

    async def work(self, operation: str) -> HostWork | None:
        """What was boarded."""
        ...

    async def record_step(self, record: StepRecord) -> None:
        """Evidence; idempotent by operation and step (the last one counts)."""
        ...

    async def steps(self, operation: str) -> tuple[StepRecord, ...]:
        """Evidence of an operation, oldest first."""
        ...

    async def record_outcome(self, outcome: HostOutcome) -> None:
        """History; idempotent by operation."""
        ...

    async def outcomes(
        self, cluster: str, *, visit: str | None = None, host: str | None = None, limit: int = 1000
    ) -> tuple[HostOutcome, ...]:
        """History, newest first."""
        ...

    async def next_repair(self, cluster: str, host: str) -> int:
        """Number of the host's next repair, from 1."""
        ...

    async def ready_for_fabric(self, visit: str, host: str, now: Moment) -> None:
        """A host of a visit is ready to be a partner."""
        ...

    async def fabric_ready(self, visit: str) -> dict[str, Moment]:
        """Hosts ready, since when."""
        ...

    async def first_time(self, key: str, now: Moment) -> bool:
        """Claim a key: True for the first claim of all, whoever makes it."""
        ...

    async def claimed(self, key: str) -> bool:
        """True when a key was claimed before."""
        ...

    async def count_claims(self, prefix: str) -> int:
        """How many keys were claimed that begin with `prefix`."""
        ...


class Store(FleetFacts, TrainBook, Ledger, HostBook, Protocol):
    """All of the facts."""

    async def close(self) -> None:
        """Let go of connections."""
        ...
