"""What other systems are told of: one event, in the shape in which it leaves, and what is kept of its delivery."""

from enum import StrEnum
from hashlib import sha256
from typing import Literal

from pydantic import Field

from fleet.models.base import Fact, Message, Moment

KIND_PATTERN = r"^[a-z][a-z_]{0,39}$"


class EventKind(StrEnum):
    """The kinds there are today. There will be more: a receiver passes over those that it does not know."""

    DRAIN_PLANNED = "drain_planned"
    """A train's next stop is fixed; `data.not_before` is the earliest moment at which its drain begins."""
    DRAIN_BEGUN = "drain_begun"
    """A host is being drained for work of ours."""
    HOST_BACK = "host_back"
    """Our work on a host is over, and it is given back."""
    HANDED_OVER = "handed_over"
    """A host went to repair."""
    DECOMMISSIONED = "decommissioned"
    """A host has left for good."""
    GIVEN_AWAY = "given_away"
    """A host went from our repair into the hands of a named outsider."""
    AUTOSTOP = "autostop"
    """Grants in a pool stopped by themselves."""
    AUTOSTOP_OVER = "autostop_over"
    """They go on."""
    OFFBOARDED = "offboarded"
    """A version boards nowhere any more."""
    ESCALATED = "escalated"
    """A host in repair waits for a person."""
    OPERATION_BEGUN = "operation_begun"
    """A submitted operation has its hosts, and its work may begin."""
    OPERATION_ENDED = "operation_ended"
    """It is over; `data.state` says how."""
    AVOIDANCE_GRANTED = "avoidance_granted"
    """A train keeps away from a job's hosts until `data.until`."""
    AVOIDANCE_REFUSED = "avoidance_refused"
    """It does not; `data.planned` is when their visit is expected, where it is known."""
    AVOIDANCE_REVOKED = "avoidance_revoked"
    """What was granted can't be kept: it ends at `data.until`, or at once."""
    AVOIDANCE_OVERRULED = "avoidance_overruled"
    """An emergency takes hosts in spite of what was granted; `data.not_before` is its earliest beginning."""
    TEST = "test"
    """Sent by hand, to see whether it arrives."""


class Event(Message):
    """One thing that happened, told to other systems. The same event may come twice: `id` tells."""

    version: Literal[1] = Field(1, description="goes up only when a field changes its meaning or goes")
    id: str = Field(description="idempotency key: the same for every delivery of the same event")
    sequence: int = Field(0, ge=0, description="grows with each event of a cluster; 0 for a test")
    kind: str = Field(pattern=KIND_PATTERN, description="what happened; pass over kinds that you don't know")
    at: Moment = Field(description="when it happened")
    cluster: str
    pool: str | None = Field(None, description="null where it is about a whole cluster")
    hosts: tuple[str, ...] = Field((), description="hosts that it is about")
    subject: str = Field(description="the visit, operation, request or rollout that it came of")
    reason: str = Field("", description="why, in a sentence for people")
    data: dict[str, str] = Field(default_factory=dict, description="more, by kind; further names may appear")


def event_id(kind: str, occasion: str) -> str:
    """The idempotency key of what happened on an occasion: without dots, as signatures of webhooks want it."""
    return f"evt_{sha256(f'{kind}/{occasion}'.encode()).hexdigest()[:32]}"


def event(
    kind: EventKind,
    occasion: str,
    at: Moment,
    where: tuple[str, str | None],
    **more: object,
) -> Event:
    """An event of a kind; `occasion` names it uniquely within the kind, `where` is cluster and pool.

    `more` are further fields of `Event`; `subject` is the occasion by default.
    """
    cluster, pool = where
    values = {"subject": occasion, **more, "id": event_id(kind, occasion), "kind": kind.value}
    return Event.model_validate({**values, "at": at, "cluster": cluster, "pool": pool})


class Batch(Fact):
    """What a sink is to be sent next, in order."""

    events: tuple[Event, ...]
    attempts: int = 0
    """Failed tries in a row so far."""
    failing_since: Moment | None = None
    dropped: int = 0
    """Events that were given up just now, since the sink did not take them in time."""


class SinkState(Fact):
    """How far a sink has come with the events of a cluster."""

    sink: str
    cluster: str
    position: int
    """Sequence of the last event it is done with."""
    waiting: int
    """Events after that."""
    dropped: int
    """Events that were given up, ever."""
    failing_since: Moment | None = None
    error: str = ""
