"""Events for other systems that steps bring about; those of the ledger are written by the store, with their facts."""

from fleet.models.base import Moment
from fleet.models.event import Event, EventKind, event
from fleet.models.ledger import LeaseHost
from fleet.models.work import StepOrder


def drain_begun(order: StepOrder, at: Moment) -> Event:
    """A host's drain begins."""
    what = "its repair" if order.repair else order.visit or order.operation
    more = {"hosts": (order.host,), "reason": f"drained for {what}"}
    return event(EventKind.DRAIN_BEGUN, order.operation, at, (order.cluster, order.pool), **more)


def escalated(lease: LeaseHost, pool: str | None, why: str, at: Moment) -> Event:
    """A host in repair waits for a person."""
    more = {"hosts": (lease.host,), "reason": why}
    return event(EventKind.ESCALATED, lease.operation, at, (lease.cluster, pool), **more)
