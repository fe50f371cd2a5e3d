"""Rollouts under way: their state, which phase each host is in, and what hosts are wanted to carry because of them."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from fleet.models.audit import AuditEntry
from fleet.models.base import Decision, Fact, Moment
from fleet.models.emergency import Urgent
from fleet.models.rollout import RollBack, RolloutSpec

HostKey = tuple[str, str]
"""Cluster and name of a host."""


class RolloutState(StrEnum):
    """Life of a rollout."""

    RUNNING = "running"
    PAUSED = "paused"
    """Boards nowhere until resumed; who carries it keeps it."""
    OFFBOARDED = "offboarded"
    """Boards nowhere for good."""
    COMPLETE = "complete"
    """Every host has it; it stays what they are wanted to carry."""


OPEN_STATES = (RolloutState.RUNNING, RolloutState.PAUSED)


class Rollout(Fact):
    """A rollout as its row keeps it."""

    spec: RolloutSpec
    state: RolloutState = RolloutState.RUNNING
    phase: int = -1
    """Index of the phase that is open, with all before it; -1 before the first."""
    phase_opened_at: Moment | None = None
    approved: int = -1
    """Index of the last phase that a person approved."""
    counted_since: Moment
    """Failures before it were forgiven by a person who resumed."""
    roll_back: RollBack | None = None
    """Of an offboarded one: what becomes of hosts that carry it."""
    apart: tuple[str, ...] = ()
    """Rollouts with which it is not to board together, until blame has told them apart."""
    reason: str = ""
    """Why it is in this state."""
    started_at: Moment
    started_by: str
    changed_at: Moment
    orders: tuple[str, ...] = ()
    """Keys of the last words that came by updates: one that is repeated is none."""

    @property
    def id(self) -> str:
        """`component/version`."""
        return self.spec.id

    @property
    def last_phase(self) -> int:
        """Index of the phase that reaches every host."""
        return len(self.spec.phases) - 1

    def phase_name(self, index: int) -> str:
        """Name of a phase; the last one for an index beyond it."""
        return self.spec.phases[min(index, self.last_phase)].name


class RolloutFacts(Fact):
    """Everything that decides what some hosts are wanted to carry. Read in one transaction."""

    rollouts: tuple[Rollout, ...] = ()
    """All that were ever started, oldest first."""
    cohorts: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Host → rollout → index of the phase whose cohort it was frozen into. Absent: the last phase."""
    urgent: dict[str, tuple[Urgent, ...]] = Field(default_factory=dict)
    """Host → what emergencies want it to carry, the newest first."""


class RolloutChange(NamedTuple):
    """What becomes of a rollout in one transaction."""

    rollout: Rollout
    cohort: tuple[HostKey, ...] = ()
    """Hosts frozen into the phase that opens."""
    audit: AuditEntry | None = None


class Wanted(Fact):
    """A version that a host is wanted to carry, and who says so."""

    component: str
    version: str
    source: str
    """A rollout, or the fleet file."""
    priority: int = 0
    back: bool = False
    """True when it takes the place of an offboarded version."""
    reason: str


class WantedSet(Decision):
    """What a host is wanted to carry; what waits, and for what."""

    wanted: tuple[Wanted, ...] = ()
    waits: dict[str, str] = Field(default_factory=dict)
    """Component: why a version of it is not wanted on this host yet."""

    @property
    def versions(self) -> dict[str, str]:
        """Component: the version to reach."""
        return {w.component: w.version for w in self.wanted}


class Offboarded(Fact):
    """A component's versions that board nowhere any more, by one rollout."""

    rollout: str
    component: str
    versions: tuple[str, ...]
    prior: str
    roll_back: RollBack
    reason: str


class Trial(Fact):
    """How one host fared with the upgrades that boarded together on it. One whose versions are not a rollout's is a
    control for it.
    """

    cluster: str
    host: str
    model: str = ""
    """Hardware model, where known."""
    operation: str
    """Of the visit; a failure in production afterwards has one of its own."""
    at: Moment
    versions: dict[str, str]
    """Component: version, of all that were boarded together."""
    rollouts: tuple[str, ...] = ()
    """Those of the versions that are some rollout's."""
    failed: bool = False
    inconclusive: bool = False
    category: str = ""
    """Of the finding that failed it; empty when no verification did."""
    in_production: bool = False
    """The host failed after it had returned."""
    detail: str = ""
