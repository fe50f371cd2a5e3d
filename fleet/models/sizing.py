"""How large a pool's maintenance domains should be: what it depends on, and what comes of it."""

from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.base import Decision, Fact


class PoolKind(StrEnum):
    """What a pool is for, as far as interruptions go."""

    TRAINING = "training"
    """Gangs over many hosts, which lose all of their hosts' work when one is taken."""
    INFERENCE = "inference"
    """Jobs of one host or two: whom a visit hits does not depend on how large it is."""
    STORAGE = "storage"
    """No jobs; copies of data, of which one may be away at a time."""


class VisitLength(Fact):
    """An ended visit."""

    hosts: int
    seconds: float
    """From its grant to its end."""


class VisitModel(Fact):
    """How long a visit takes, by the number of its hosts."""

    fixed_seconds: float = Field(ge=0)
    host_seconds: float = Field(0.0, ge=0)
    """More for each host."""
    flash_at_once: int | None = Field(None, ge=1)
    """Hosts that can be flashed at once; None for all."""
    flash_seconds: float = Field(0.0, ge=0)
    """Of one wave of flashes, beyond the first."""
    source: str = ""
    """Where it is from, in words."""

    def seconds(self, hosts: int) -> float:
        """Of a visit of so many hosts."""
        return self.fixed_seconds + self.host_seconds * hosts + self.waves_seconds(hosts)

    def waves_seconds(self, hosts: int) -> float:
        """Of it, what goes into waves of flashes beyond the first."""
        waves = 1 if self.flash_at_once is None else -(-hosts // self.flash_at_once)
        return self.flash_seconds * (waves - 1)


class JobMix(Fact):
    """The jobs that run at one moment, by size."""

    hosts: tuple[float, ...] = ()
    """Of a job of this class."""
    count: tuple[float, ...] = ()
    """Running at once."""
    lost_hours: tuple[float, ...] = ()
    """On each of its hosts, when it is interrupted."""

    @model_validator(mode="after")
    def _alike(self) -> "JobMix":
        if not len(self.hosts) == len(self.count) == len(self.lost_hours):
            raise ValueError("expected hosts, count and lost_hours of one length")
        return self

    @property
    def busy_hosts(self) -> float:
        """Hosts in use."""
        return sum(n * g for n, g in zip(self.count, self.hosts, strict=True))

    @property
    def mean_gang(self) -> float:
        """Hosts of the job that a host in use works for, on average; 0 without jobs."""
        busy = self.busy_hosts
        return sum(n * g * g for n, g in zip(self.count, self.hosts, strict=True)) / busy if busy else 0.0

    def scaled(self, size: float = 1.0, lost: float = 1.0) -> "JobMix":
        """The same hosts in use by jobs of `size` times the hosts that lose `lost` times as much."""
        return JobMix(
            hosts=tuple(max(1.0, g * size) for g in self.hosts),
            count=tuple(n * g / max(1.0, g * size) for n, g in zip(self.count, self.hosts, strict=True)),
            lost_hours=tuple(x * lost for x in self.lost_hours),
        )


class SizeQuestion(Fact):
    """A pool, as its domain size depends on it."""

    members: int = Field(ge=1)
    visit: VisitModel
    mix: JobMix
    bound_days: float = Field(gt=0)
    """The cycle bound."""
    every_days: float = Field(gt=0)
    """From one cycle's opening to the next, where visits leave time for that."""
    open_share: float = Field(1.0, gt=0, le=1)
    """Of the time in which visits may go on: the pool's windows."""
    open_hours: tuple[tuple[float, float], ...] = ()
    """When each of the windows of the weeks to come opens and closes, in hours from their beginning; none: always."""
    open_for_days: float = Field(28.0, gt=0)
    """The weeks that those are of."""
    need_hours: float = Field(0.0, ge=0)
    """What must be left of a window for a visit to begin in it, however long visits are."""
    notice_hours: float = Field(0.0, ge=0)
    """Visits begin no closer together: their jobs are told one domain ahead."""
    domains: dict[int, int] = Field(default_factory=dict)
    """Size: domains that the pool's topology makes of it; where it is not told, members by size."""
    placed_host_hours: dict[int, float] = Field(default_factory=dict)
    """Size: what a cycle costs the jobs as they run now, counted on their hosts; where told, it goes before the mix."""
    refused: dict[int, str] = Field(default_factory=dict)
    """Size: why the pool's promises don't allow it."""


class SizePoint(Fact):
    """One domain size, and what it costs a day."""

    size: int
    domains: int
    visit_hours: float
    cycle_days: float
    """How long its visits take, one after the other, in windows."""
    reserved: float
    """Host-hours a day that the pool does not promise to jobs: the planned buffer."""
    interrupted: float
    """Host-hours a day that jobs lose."""
    why_not: str = ""
    """Not empty where the size can't be."""

    @property
    def cost(self) -> float:
        """Host-hours a day."""
        return self.reserved + self.interrupted


class Sensitivity(Fact):
    """The best size, were something else."""

    what: str
    best: int | None
    cost: float | None


class Sizing(Decision):
    """What comes of it. `reason` says why the best size is what it is."""

    pool: str
    kind: PoolKind
    kind_because: str
    today: int
    best: int | None
    """None where no size keeps the bound, or the jobs could not be read."""
    closed_form: float
    """The best size by the formula of docs/sizing.md, before topology and bound."""
    smallest: float | None
    """The size below which the cycle bound can't be kept, by the formula; None where none keeps it."""
    points: tuple[SizePoint, ...]
    sensitivity: tuple[Sensitivity, ...]
    visit: VisitModel
    notes: tuple[str, ...] = ()

    def point(self, size: int | None) -> SizePoint | None:
        """The point of a size, or the nearest below."""
        below = [p for p in self.points if size is not None and p.size <= size]
        return below[-1] if below else None
