"""The fence of what is done to a host on the strength of its lease alone: its drain's reason."""

import time

from activities.deps import Deps
from fleet.errors import LeaseLost, StaleAttempt
from fleet.models.ledger import LeaseHost
from fleet.models.work import HostWork
from fleet.ports.fence import Fence

FENCE_LIFE = 5.0
"""Seconds for which a passed fence allows its effect; a successor waits as long before it repeats one. It is far
above a driver's time from fence to wire, and below every heartbeat timeout."""


def check_holder(lease: LeaseHost | None, host: str, operation: str) -> None:
    """Raise `LeaseLost` unless the host's lease is the operation's."""
    if lease is None or lease.operation != operation:
        raise LeaseLost(f"{host} is held by {lease.operation if lease else 'nobody'}, not by {operation}")


def held_by(deps: Deps, work: HostWork, operation: str) -> Fence:
    """The check that `operation` still holds the host: a worker that wakes late must not drain what has returned."""

    async def check() -> None:
        started = time.monotonic()
        check_holder(await deps.store.lease(work.cluster, work.host), work.host, operation)
        if time.monotonic() - started > FENCE_LIFE:
            raise StaleAttempt(f"{operation} on {work.host}: the check took too long")

    return check
