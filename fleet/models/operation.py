"""Operations that people and other systems submit: what is to be done where, when and by whom, and how it stands."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import Field, model_validator

from fleet.models.audit import AuditEntry
from fleet.models.base import Fact, Moment, Name
from fleet.models.scope import ScopePart
from fleet.models.stack import Upgrade
from fleet.models.units import Duration


class OperationWork(StrEnum):
    """Who works, and with which steps."""

    HOLD = "hold"
    """The hosts are drained, and an outsider works and reports."""
    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"
    REIMAGE = "reimage"
    VERIFY = "verify"
    """Nothing but the verifications."""
    UPGRADE = "upgrade"


class Priority(StrEnum):
    """Priority class; the values are those of `RequestClass`."""

    EMERGENCY = "emergency"
    TRAIN = "train"
    AD_HOC = "ad_hoc"


class OperationSpec(Fact):
    """What was asked. Two submissions with one key must be the same in all of it."""

    kind: Name = Field(description="an operation of the catalogue")
    scope: tuple[ScopePart, ...] = Field(min_length=1)
    work: OperationWork = OperationWork.HOLD
    upgrades: tuple[Upgrade, ...] = ()
    takes: bool = True
    """False for a kind through which jobs run on: nothing is drained."""
    not_with: tuple[Name, ...] = ()
    """The catalogue's kinds that must not overlap with it."""
    earliest: Moment | None = Field(None, description="not before")
    latest: Moment | None = Field(None, description="when it has to be over")
    duration: Duration = Field(description="expected time of the work itself")
    priority: Priority = Priority.AD_HOC
    actor: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=500)
    key: str = Field(min_length=1, max_length=200, description="idempotency key")

    @model_validator(mode="after")
    def _consistent(self) -> "OperationSpec":
        if (self.work is OperationWork.UPGRADE) != bool(self.upgrades):
            raise ValueError("upgrades: expected component=version for an upgrade and for nothing else")
        if self.work is not OperationWork.HOLD and not self.takes:
            raise ValueError("work: expected hold, since hosts are not taken out for this kind")
        if self.earliest and self.latest and self.latest <= self.earliest:
            raise ValueError("latest: expected a time after the earliest")
        if self.duration.total_seconds() <= 0:
            raise ValueError("duration: expected a length of time above 0")
        return self

    @property
    def clusters(self) -> tuple[str, ...]:
        """Clusters of the scope, by name."""
        return tuple(sorted({part.cluster for part in self.scope}))

    @property
    def parks(self) -> bool:
        """Whether nobody else may work on a host of the scope meanwhile: an outsider does."""
        return self.work is OperationWork.HOLD and self.takes


class OperationState(StrEnum):
    """Life of an operation."""

    SUBMITTED = "submitted"
    """Waits for its earliest time."""
    ASKING = "asking"
    """Waits for its hosts."""
    PREPARING = "preparing"
    """Granted: hosts are drained, and whoever else works on the scope parks."""
    WORKING = "working"
    CLOSING = "closing"
    """The work is over, or was called off: hosts are verified and return."""
    DONE = "done"
    FAILED = "failed"
    GIVEN_BACK = "given_back"
    """No work began: its hosts went back into production, to more urgent work or since their jobs may stay."""
    EXPIRED = "expired"
    """Its window passed before it was granted."""
    CANCELLED = "cancelled"


OVER = (
    OperationState.DONE,
    OperationState.FAILED,
    OperationState.GIVEN_BACK,
    OperationState.EXPIRED,
    OperationState.CANCELLED,
)
BEFORE_GRANT = (OperationState.SUBMITTED, OperationState.ASKING)


class Said(StrEnum):
    """The word that ends an operation's work."""

    DONE = "done"
    FAILED = "failed"
    CANCEL = "cancel"
    GIVEN_BACK = "given_back"
    """Nobody's but our own: a host could not be taken out, or went to more urgent work, before the work began."""


class Word(Fact):
    """Who said it, when and why."""

    said: Said
    actor: str
    reason: str
    at: Moment

    @property
    def told(self) -> str:
        """What became of the operation by it, in words."""
        deed = {Said.CANCEL: "cancelled", Said.GIVEN_BACK: "given back"}.get(self.said, f"reported as {self.said}")
        return f"{deed} by {self.actor}: {self.reason}"


class Operation(Fact):
    """An operation as its row keeps it."""

    id: str
    """Workflow id: `op/<number>`."""
    number: int
    spec: OperationSpec
    state: OperationState = OperationState.SUBMITTED
    reason: str = ""
    """Why it is in this state, or what it waits for."""
    ask: int = 0
    """Number of the lease requests under way: it asks anew when its hosts changed while it waited."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """`cluster/host`: why it is not worked on."""
    word: Word | None = None
    submitted_at: Moment
    changed_at: Moment
    granted_at: Moment | None = None
    begun_at: Moment | None = None
    """When the work itself could begin."""
    ended_at: Moment | None = None

    @property
    def over(self) -> bool:
        """True once nothing of it is left to do."""
        return self.state in OVER

    @property
    def scope(self) -> str:
        """Its scope in words."""
        return ", ".join(str(part) for part in self.spec.scope)


class OperationChange(NamedTuple):
    """What becomes of an operation in one transaction."""

    operation: Operation
    audit: AuditEntry | None = None
    unparks: bool = False
    """True lets whoever parked for it go on."""


class OperationHost(Fact):
    """A host of an active operation's scope."""

    cluster: str
    host: str
    operation: str
    parks: bool
    since: Moment
