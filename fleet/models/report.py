"""How a fleet's promises were kept over a time: what is noted for it, and what it says."""

from enum import StrEnum

from pydantic import Field

from fleet.models.base import Decision, Fact, Moment
from fleet.models.observation import SetCounts


class PoolSpan(Fact):
    """A time in which nothing of a pool's counts changed."""

    since: Moment
    until: Moment
    counts: SetCounts
    planned_buffer: int
    failure_buffer: int
    floor: int
    """What the pool promises; `overridden`: an audited override allowed more than that."""
    overridden: bool = False
    seen: bool = True
    """False while the cluster could not be observed: the counts are then those of the last good look."""
    causes: dict[str, int] = Field(default_factory=dict)
    """Cause: hosts that are out for it."""

    @property
    def members(self) -> int:
        """Hosts of the pool."""
        c = self.counts
        return c.up + c.planned + c.failed + c.foreign + c.unknown

    @property
    def under_floor(self) -> bool:
        """True when fewer are up than promised."""
        return self.counts.up < self.floor

    @property
    def over_buffer(self) -> bool:
        """True when more are out by plan than promised."""
        return self.counts.planned > self.planned_buffer


class Out(Fact):
    """A host that is out now."""

    pool: str
    cause: str
    since: Moment | None = None
    """Where it is known better than by the look that saw it first."""


class HostOut(Fact):
    """A time in which a host was out for one cause; `until` None: it still is."""

    host: str
    pool: str
    cause: str
    since: Moment
    until: Moment | None = None


class Interruption(Fact):
    """A run of a job that we ended before its own end. A gang's hosts count whole."""

    cluster: str
    pool: str
    job: str
    restarts: int
    at: Moment
    verb: str
    hosts: int
    operation: str


class CycleTimes(Fact):
    """A cycle of a train, and what became of its domains."""

    pool: str
    number: int
    opened_at: Moment
    due_at: Moment
    closed_at: Moment | None = None
    domains: int = 0
    visited: int = 0
    skipped: int = 0


class Carried(Fact):
    """One version of a component over the members of a cluster."""

    component: str
    version: str
    hosts: int
    """Members that carry it now."""
    gained: int
    """Hosts that came to it, from another version, within the time."""
    desired: bool = False
    """True where the fleet file or a rollout wants it somewhere."""


class ReportFacts(Fact):
    """Everything a report on one cluster is made from."""

    cluster: str
    begin: Moment
    end: Moment
    members: int
    spans: dict[str, tuple[PoolSpan, ...]]
    """By pool, oldest first."""
    outs: tuple[HostOut, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    cycles: tuple[CycleTimes, ...] = ()
    carried: tuple[Carried, ...] = ()


class CycleEnd(StrEnum):
    """How a cycle stands to its bound."""

    ON_TIME = "on time"
    LATE = "late"
    UNDER_WAY = "under way"
    OVERDUE = "overdue"


class CycleReport(Decision):
    """One cycle against its bound."""

    times: CycleTimes
    end: CycleEnd


class Lowest(Fact):
    """The moment with the fewest hosts up, and why the others were out."""

    at: Moment
    up: int
    floor: int
    members: int
    causes: dict[str, int]


class HostHours(Fact):
    """How long a host was out."""

    host: str
    hours: float
    times: int
    by_cause: dict[str, float]


class Point(Fact):
    """A pool in one stretch of the picture: the worst of it."""

    at: Moment
    until: Moment
    up: int
    floor: int
    planned: int
    failed: int
    others: int
    """Foreign and unknown."""


class PoolReport(Decision):
    """One pool's promises over the time; `reason` says in a sentence whether they were kept."""

    cluster: str
    pool: str
    kept: bool
    members: int
    observed_hours: float
    unobserved_hours: float
    """Within the time from the first look on: no look, or none that succeeded."""
    lowest: Lowest | None
    hours_under_floor: float
    hours_under_floor_overridden: float
    """Of these, those under an audited override."""
    under_floor_host_hours: dict[str, float]
    """Cause: host-hours out while the pool was under its floor."""
    hours_over_buffer: float
    """More hosts out by plan than promised, overrides aside: must be 0."""
    hours_at_failure_buffer: float
    """As many failed as stop all grants."""
    cycles: tuple[CycleReport, ...]
    jobs_interrupted: int
    gangs_interrupted: int
    """Of these, jobs on more than one host."""
    job_hosts_interrupted: int
    out_host_hours: dict[str, float]
    """Cause: host-hours out, most first."""
    hosts: tuple[HostHours, ...]
    """Longest out first."""
    points: tuple[Point, ...]


class Report(Fact):
    """All pools of some clusters."""

    begin: Moment
    end: Moment
    pools: tuple[PoolReport, ...]
    upgrades: dict[str, tuple[Carried, ...]]
    """By cluster."""
    members: dict[str, int]
    """By cluster."""
