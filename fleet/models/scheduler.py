"""What a scheduler shows of its nodes and jobs, in one vocabulary for all of them."""

from enum import StrEnum

from pydantic import Field

from fleet.models.base import Fact, Moment


class NodeBase(StrEnum):
    """A node's base state."""

    IDLE = "idle"
    ALLOCATED = "allocated"
    MIXED = "mixed"
    DOWN = "down"
    ERROR = "error"
    FUTURE = "future"
    UNKNOWN = "unknown"


class Node(Fact):
    """One node as the scheduler shows it. Ages are the receiver's: see `ClusterView.began`."""

    name: str
    base: NodeBase
    draining: bool = False
    """The drain flag; not yet *drained*."""
    completing: bool = False
    not_responding: bool = False
    powered: bool = True
    """False for any POWER* flag: off, going off or coming up."""
    rebooting: bool = False
    reason: str | None = None
    reason_by: str | None = None
    comment: str | None = None
    reservation: str | None = None
    maintenance: bool = False
    """True inside a maintenance reservation: the scheduler starts no ordinary job on it."""
    rack: str | None = None
    nvlink: str | None = None
    serial: str | None = None
    model: str | None = None
    """Hardware model, where it is told."""
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    """Those that it may have; `active_features` are those that jobs can ask for now."""
    active_features: tuple[str, ...] = ()


class JobState(StrEnum):
    """States in which a job holds its hosts; all others are `OTHER` and hold nothing."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    CONFIGURING = "configuring"
    COMPLETING = "completing"
    OTHER = "other"


class JobKind(StrEnum):
    """How a job takes an interruption."""

    REQUEUEABLE = "requeueable"
    NOT_REQUEUEABLE = "not_requeueable"
    INTERACTIVE = "interactive"


class Job(Fact):
    """One job with its hosts. A gang's cost counts whole, wherever its other hosts are."""

    id: str
    name: str = ""
    user: str = ""
    state: JobState
    kind: JobKind
    hosts: tuple[str, ...] = ()
    restarts: int = 0
    comment: str = ""
    """Written by its user."""
    note: str = ""
    """Written on it for its user to read, where the scheduler has such a thing; ours begins with `maintrain:`."""
    ends_by: Moment | None = None
    """When it is over at the latest, by the scheduler's clock, where it is told: for plans, never for a decision on
    whether a host is drained.
    """
    ours: bool = False
    """Ours, to hold a borrowed host while the fabric is measured with it: it ends soon, and by itself."""

    @property
    def holds(self) -> bool:
        """True while the job may have processes on its hosts."""
        return self.state is not JobState.OTHER


class JobRun(Fact):
    """The last run of a job: where and when it ran, as the scheduler or its accounting tells it."""

    id: str
    hosts: tuple[str, ...] = Field(min_length=1)
    started: Moment
    ended: Moment | None
    """None while it runs."""
    source: str
    """Who told it: `scheduler` or `accounting`."""


class JobEnding(StrEnum):
    """How a run of a job ended."""

    PASSED = "passed"
    FAILED = "failed"
    """Its own processes failed."""
    HOST_FAILED = "host_failed"
    """The scheduler ended it because a host of it failed."""
    OTHER = "other"
    """Cancelled, out of time, pre-empted …: says nothing about a host."""


class JobEnd(Fact):
    """The end of one run of a job."""

    job: str
    run: int = 0
    """How often the job had been restarted before."""
    work: str = ""
    """Whose work it is, such as user and name: runs of the same work do the same. Empty: not told."""
    hosts: tuple[str, ...] = Field(min_length=1)
    ending: JobEnding
    failed_host: str | None = None
    """The host that failed, where the scheduler names it."""

    @property
    def key(self) -> str:
        """Tells the run from every other of its cluster."""
        return f"{self.job}.{self.run}"


class ClusterView(Fact):
    """One reading of the whole scheduler.

    `began` is the reader's monotonic clock (seconds, `time.monotonic`) when the first of the calls was made: a view
    shows a drain for certain only if it began after the drain was acknowledged.
    """

    began: float
    nodes: dict[str, Node]
    jobs: dict[str, Job] = Field(default_factory=dict)
    ends: tuple[JobEnd, ...] = ()
    """Runs that have ended and that the scheduler still remembers, which may be for minutes only."""

    def jobs_on(self, host: str) -> tuple[Job, ...]:
        """Jobs that hold the host."""
        return tuple(j for j in self.jobs.values() if j.holds and host in j.hosts)
