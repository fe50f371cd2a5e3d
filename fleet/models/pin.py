"""A pin switch: what a person asks for, how it stands, and where each host is in it."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.audit import AuditEntry
from fleet.models.base import Fact, Moment, Name, Version
from fleet.models.units import Amount, Duration

CLEARED_BY = 2
"""Jobs have half of the window to end, unless the spec says otherwise: the other half is for the move."""


class JobsFate(StrEnum):
    """What becomes of jobs that run when the cluster is closed."""

    AWAIT = "await"
    """They run to their end."""
    REQUEUE = "requeue"
    """They are told, and requeued and held when their pool's drain deadline has come; others are awaited."""


class PinSpec(Fact):
    """What is asked for: one job-facing component of one cluster goes to a version, everywhere at once."""

    cluster: Name
    component: Name
    version: Version
    window: Duration = Field(description="from closing the cluster to jobs until it must be over, or goes back")
    jobs: JobsFate = JobsFate.AWAIT
    clear_within: Duration | None = Field(None, description="time that running jobs have; default: half the window")
    at: Moment | None = Field(None, description="not before this time; default: when it is approved")
    max_failed: Amount = Field("3%", description="hosts that may be unable to follow before everything goes back")
    together: dict[Name, Version] = Field(
        default_factory=dict, description="host-facing versions that move in the same window, for a breaking switch"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "PinSpec":
        if self.window <= timedelta(0):
            raise ValueError("window: expected a length of time above 0")
        if self.clear_within is not None and self.clear_within >= self.window:
            raise ValueError("clear_within: expected less than the window, the rest of which is for the move")
        if self.component in self.together:
            raise ValueError("together: expected host-facing components only")
        return self

    @property
    def clears_within(self) -> timedelta:
        """Time that running jobs have to end, from the closing on."""
        return self.clear_within if self.clear_within is not None else self.window / CLEARED_BY

    @property
    def targets(self) -> dict[str, str]:
        """Every component that moves, and where to."""
        return {**self.together, self.component: self.version}


class PinState(StrEnum):
    """Life of a pin switch."""

    CHECKING = "checking"
    """Waits until every host may carry the old and the new pin."""
    PREPARING = "preparing"
    ASKING = "asking"
    """Waits for the approval, then for its time."""
    REQUESTING = "requesting"
    """Waits for the lease."""
    CLOSING = "closing"
    """No job starts any more; those that run end."""
    MOVING = "moving"
    RESTORING = "restoring"
    """Everything goes back to the old pin."""
    RELEASING = "releasing"
    """The pin in force is settled; hosts return."""
    LATE = "late"
    """Done, but for hosts that others had in their hands: they stay closed until they carry the pin."""
    DONE = "done"
    WENT_BACK = "went_back"
    CALLED_OFF = "called_off"
    """Nothing was closed."""


OVER = (PinState.DONE, PinState.WENT_BACK, PinState.CALLED_OFF)
UNSETTLED = (PinState.CLOSING, PinState.MOVING, PinState.RESTORING)
"""Which pin will be in force is open: no host returns meanwhile."""


class PinSwitch(Fact):
    """A pin switch as its row keeps it."""

    id: str
    """Also the id of its workflow and of its lease's holder."""
    number: int
    spec: PinSpec
    prior: str
    """The pin it leads away from, and back to."""
    state: PinState = PinState.CHECKING
    reason: str = ""
    """Why it is in this state."""
    started_by: str
    why: str
    """The reason that the person gave."""
    started_at: Moment
    changed_at: Moment
    approved_by: str = ""
    aborted: str = ""
    """A person's word that ends it; empty for none."""
    ask: int = 0
    """Number of its lease request."""
    checks: int = 0
    """Times that it went back to its check: jobs are told anew once it comes after all."""
    closed_at: Moment | None = None
    committed_at: Moment | None = None
    opened_at: Moment | None = None
    held_jobs: tuple[str, ...] = ()
    """Jobs that were requeued and are held."""
    co_rollouts: tuple[str, ...] = ()
    """Rollouts that it opened to get hosts where both pins are tested."""
    orders: tuple[str, ...] = ()
    """Keys of the last words that came by updates: one that is repeated is none."""

    @model_validator(mode="before")
    @classmethod
    def _earlier(cls, row: object) -> object:
        """Rows of an earlier release, whose workers may still run, name reservations here; nobody ever read them."""
        return {k: v for k, v in row.items() if k != "closing"} if isinstance(row, dict) else row

    @property
    def over(self) -> bool:
        """True when nothing more is to come."""
        return self.state in OVER

    @property
    def under_way(self) -> bool:
        """True while no other switch of its cluster may begin: one that is late bars none."""
        return not self.over and self.state is not PinState.LATE

    @property
    def deadline(self) -> Moment | None:
        """When its window ends; None before it is closed."""
        return None if self.closed_at is None else self.closed_at + self.spec.window

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.spec.component} {self.prior} to {self.spec.version} in {self.spec.cluster}"


class PinHostState(StrEnum):
    """Where a host is in a pin switch."""

    TO_PREPARE = "to_prepare"
    PREPARED = "prepared"
    NOT_PREPARED = "not_prepared"
    TO_MOVE = "to_move"
    MOVED = "moved"
    CHECKED = "checked"
    """Verified, and read back with the new pin."""
    BACK = "back"
    """Has the old pin again, not verified yet."""
    RESTORED = "restored"
    FAILED = "failed"
    """Could not follow, and is in repair."""
    RETURNED = "returned"
    LATE = "late"
    """In another's hands when the cluster was closed; closed to jobs until it carries the pin in force."""
    CAUGHT_UP = "caught_up"


class PinHost(Fact):
    """One host in one pin switch."""

    host: str
    pool: str
    state: PinHostState
    batch: int
    """Hosts of one batch are worked on by one workflow."""
    reason: str = ""


class PinChange(Fact):
    """What becomes of a pin switch in one transaction."""

    switch: PinSwitch
    hosts: tuple[PinHost, ...] | None = None
    """Its hosts from now on; None leaves them as they are."""
    adds: tuple[PinHost, ...] = ()
    """Hosts that it gets besides."""
    audit: AuditEntry | None = None
