"""An emergency: an urgent upgrade or roll back outside every cycle, as a person asks for it, as it stands, and where
each of its hosts is in it.
"""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.audit import AuditEntry
from fleet.models.base import Fact, Moment, Name, Version
from fleet.models.large import LargePlan, LargeProgress
from fleet.models.override import Override
from fleet.models.pool import DrainPolicy
from fleet.models.rollout import Image, RolloutHosts, RolloutId
from fleet.models.units import Duration
from fleet.models.verification import VerificationTask

OVERRIDE_LASTS = timedelta(days=1)
"""For how long an emergency's override holds, where its file says nothing."""


class EmergencyUpgrade(Fact):
    """One component and where it goes: to a version, or back to what a rollout led away from."""

    component: Name
    version: Version | None = Field(None, description="the version to bring")
    roll_back: RolloutId | None = Field(None, description="instead: the rollout whose prior version comes back")
    image: Image | None = Field(None, description="where BMCs get it, with its SHA-256; default: what the fleet has")

    @model_validator(mode="after")
    def _one_target(self) -> "EmergencyUpgrade":
        if (self.version is None) == (self.roll_back is None):
            raise ValueError("version: expected either version or roll_back")
        if self.roll_back is not None and self.roll_back.partition("/")[0] != self.component:
            raise ValueError(f"roll_back: expected a rollout of {self.component}")
        return self


class EmergencySpec(Fact):
    """The whole file."""

    name: Name
    cluster: Name
    upgrades: tuple[EmergencyUpgrade, ...] = ()
    pools: tuple[Name, ...] = Field((), description="default: every pool of the cluster")
    hosts: RolloutHosts | None = Field(None, description="default: every host")
    installed: dict[Name, Version] = Field(
        default_factory=dict, description="only hosts that were last seen to carry these versions"
    )
    width: int = Field(1, ge=1, le=1000, description="maintenance domains of a pool that are worked on at once")
    notice: Duration = Field(timedelta(0), description="time between telling jobs and the first drain")
    budget: Duration | None = Field(None, description="time a host may be out for it; default: the pool's")
    drain: DrainPolicy | None = Field(None, description="how jobs are treated; default: as the pool says")
    verify: tuple[VerificationTask, ...] = Field((), description="default: the pool's verifications")
    override_lasts: Duration = Field(
        OVERRIDE_LASTS,
        description="time from a grant for which an override holds at most; of a large-scale maintenance it holds until"
        " the last host of a stop is back",
    )
    stays: bool = Field(True, description="whether its hosts are wanted to keep what it brought once it is through")
    plan: LargePlan | None = Field(None, description="of a large-scale maintenance: its date and its steps")

    @model_validator(mode="after")
    def _consistent(self) -> "EmergencySpec":
        names = [u.component for u in self.upgrades]
        if len(set(names)) != len(names):
            raise ValueError("upgrades: expected each component once")
        if (not names) != (self.plan is not None and self.plan.work is not None):
            raise ValueError("upgrades: expected at least one component and its version, or plan.work instead")
        if self.override_lasts <= timedelta(0):
            raise ValueError("override_lasts: expected a length of time above 0")
        return self


class EmergencyState(StrEnum):
    """Life of an emergency."""

    ANNOUNCED = "announced"
    """Its jobs have their notice."""
    RUNNING = "running"
    STOPPED = "stopped"
    """By a person: nothing begins, hosts end at their next safe point, normal trains go on."""
    DONE = "done"
    """Every host was seen to; what it brought stays what its hosts are wanted to carry."""
    ENDED = "ended"
    """By a person: its versions are nobody's wish any more."""
    ABORTED = "aborted"
    """A large-scale maintenance, by a person or for want of time: nothing begins, every host comes back, and what was
    brought stays.
    """


OPEN_STATES = (EmergencyState.ANNOUNCED, EmergencyState.RUNNING, EmergencyState.STOPPED)
RESTING = (EmergencyState.STOPPED, EmergencyState.ENDED, EmergencyState.ABORTED, EmergencyState.DONE)
"""Nothing begins in these."""


class Emergency(Fact):
    """An emergency as its row keeps it."""

    id: str
    """Also the id of its workflow."""
    spec: EmergencySpec
    targets: dict[str, str]
    """Component: the version to bring, roll backs resolved."""
    override: Override | None = None
    """How far it may go beyond planned buffers and below floors; None: not at all."""
    progress: LargeProgress | None = None
    """Of a large-scale maintenance that has begun."""
    state: EmergencyState = EmergencyState.ANNOUNCED
    reason: str = ""
    """Why it is in this state."""
    stops: int = 0
    """Number of stops so far, which names the next one."""
    short_since: Moment | None = None
    """Since when an emergency lacks none but hosts of which nobody can tell."""
    started_at: Moment
    started_by: str
    why: str
    """The reason that the person gave."""
    changed_at: Moment
    orders: tuple[str, ...] = ()
    """Keys of the last orders that came as signals: one that is repeated is none."""

    @property
    def over(self) -> bool:
        """True when nothing more is to begin, for good."""
        return self.state in (EmergencyState.DONE, EmergencyState.ENDED, EmergencyState.ABORTED)

    @property
    def begins_at(self) -> Moment:
        """When its first hosts may be drained: at its date, or once its jobs have had their notice."""
        return self.started_at + self.spec.notice if self.spec.plan is None else self.spec.plan.at

    @property
    def told_from(self) -> Moment:
        """When its jobs are to be told."""
        return self.begins_at - self.spec.notice

    @property
    def noun(self) -> str:
        """What kind of thing it is, as people say it."""
        return "emergency" if self.spec.plan is None else "large-scale maintenance"

    @property
    def name(self) -> str:
        """What people call it."""
        what = ", ".join(f"{component} {version}" for component, version in self.targets.items())
        if self.spec.plan is not None and self.spec.plan.work is not None:
            what = self.spec.plan.work.replace("_", " ")
        return f"{self.spec.name} in {self.spec.cluster} ({what})"


class EmergencyHostState(StrEnum):
    """Where a host is in an emergency."""

    PENDING = "pending"
    ASKED = "asked"
    """Named in a stop that waits for its lease."""
    UNDER_WAY = "under_way"
    HELD = "held"
    """Verified, and still drained: it waits to be let return."""
    RETURNING = "returning"
    """Let return."""
    DONE = "done"
    HANDED_OVER = "handed_over"
    """In repair, which brings it the same."""
    LEFT_OUT = "left_out"


BUSY = (
    EmergencyHostState.ASKED,
    EmergencyHostState.UNDER_WAY,
    EmergencyHostState.HELD,
    EmergencyHostState.RETURNING,
)
"""Named in a stop that has not ended."""


class EmergencyHost(Fact):
    """One host of an emergency."""

    host: str
    pool: str
    domain: str
    """The maintenance domain it is in, as domains were cut when the emergency began."""
    state: EmergencyHostState = EmergencyHostState.PENDING
    stop: str = ""
    """The stop it is or was last in."""
    give_backs: int = 0
    """How often its jobs kept it."""
    reason: str = ""


class EmergencyChange(Fact):
    """What becomes of an emergency in one transaction."""

    emergency: Emergency
    hosts: tuple[EmergencyHost, ...] = ()
    """Those that change."""
    audit: AuditEntry | None = None


class Urgent(Fact):
    """A version that an emergency wants a host to carry."""

    emergency: str
    component: str
    version: str
    since: Moment
