"""Requests, leases, observations, autostops, stops: their port."""

from collections.abc import Callable
from typing import Protocol

from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Autostop, LeaseHost, Request, Settlement
from fleet.models.observation import Observation
from fleet.models.override import OverrideInForce
from fleet.models.stop import Stop
from fleet.models.work import HostOutcome


class Ledger(Protocol):
    """Requests, leases, observations, autostops, stops."""

    async def request(self, request: Request, *, unless_over: bool = False) -> Request:
        """File a request, or return the one of that id as it stands. Raises `StaleAttempt`, and files nothing,
        `unless_over`, when its holder, a visit, is over.
        """
        ...

    async def withdraw(self, request_id: str, reason: str, now: Moment, *, unless_granted: bool = False) -> None:
        """End a request and every lease of it that is still counted as planned and untouched by a handover; not,
        `unless_granted`, once it was granted: its holder may have begun.
        """
        ...

    async def settle(self, cluster: str, now: Moment | None, decide: Callable[[LedgerFacts], Settlement]) -> Settlement:
        """Read the facts, decide, and commit grants, waits and autostops at once; without `now` by the facts' clock, as
        of when nobody else writes any more.

        A repair's leases count as failed, all others as planned.
        """
        ...

    async def facts(self, cluster: str, now: Moment, *, queue: bool = True) -> LedgerFacts:
        """The same facts, for reading; without the `queue` no request is among them."""
        ...

    async def unacknowledged(self, cluster: str) -> tuple[Request, ...]:
        """Granted requests whose holder has not acknowledged."""
        ...

    async def overrides(self, cluster: str) -> tuple[OverrideInForce, ...]:
        """Every override of buffers and floors that was ever granted, oldest first, each until it ended."""
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

        Idempotent; a repair that goes on is `expected` itself, and holds its lease anew from now. Raises `LeaseLost`,
        and changes nothing, when another operation or nobody holds the host.
        """
        ...

    async def lease_for_repair(self, lease: LeaseHost) -> LeaseHost:
        """Lease a host that nobody holds to its repair, counted as failed. Idempotent by operation.

        Raises `LeaseLost`, and changes nothing, when somebody holds it.
        """
        ...

    async def release(
        self,
        cluster: str,
        host: str,
        operation: str,
        outcome: HostOutcome,
        now: Moment,
        *,
        since: Moment | None = None,
        unless_boarded: bool = False,
    ) -> bool:
        """Write the outcome and end the lease if `operation` holds it; its request ends with its last host.

        Raises `StaleAttempt`, and changes nothing, when the operation holds one that does not begin at `since`, and,
        `unless_boarded`, when something has boarded on the host.
        """
        ...

    async def record_observation(self, observation: Observation) -> None:
        """The dispatcher's look. One with an `error` keeps the hosts and age of the last good one; one that began
        before the known one is not kept, unless the facts' clock was put back since that.
        """
        ...

    async def stops(self, cluster: str | None = None, pool: str | None = None) -> tuple[Stop, ...]:
        """Stops in force that cover the pool, the cluster, or (both None) all of them."""
        ...

    async def set_stop(self, stop: Stop, *, once: str = "") -> Stop | None:
        """Put a stop in force; the same scope and kind again keeps the first, which is the answer then. Nothing for an
        order that was put in force before, which `once` names. Audited, either way.
        """
        ...

    async def lift_stop(
        self,
        cluster: str | None,
        pool: str | None,
        actor: str,
        reason: str,
        now: Moment,
        *,
        once: str = "",
        said_at: Moment | None = None,
    ) -> tuple[Stop, ...]:
        """Lift stops and freezes of exactly this scope; those that were. None for an order that was put in force
        before, which `once` names, nor what was ordered after `said_at`, when this was: by default now. Audited.
        """
        ...

    async def set_autostop(
        self, cluster: str, pool: str, autostop: Autostop, actor: str, reason: str, now: Moment
    ) -> None:
        """An operator resumes (or a train pauses) a pool. Audited."""
        ...
