"""What is asked: a fleet, its promises, what befalls it, its jobs, and the policy that maintains it."""

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from fleet.models.base import Fact
from fleet.models.pool import DomainSpec, DrainPolicy, Grouping, HostSelector, Pool
from fleet.models.units import Amount
from fleet.policy.limits import Limits, limits, problems
from simulation.chance import Spread
from simulation.job import DAY_S, Workload

HOUR_S = 3600.0
_LONGEST_CYCLE_S = 1000 * 365 * DAY_S
"""The policies of `fleet` foretell the end of a cycle as a date, and the calendar has no more than 9,999 years."""


class Policy(StrEnum):
    """How a fleet is maintained. Each brings every host through once a cycle, but for the last one."""

    TRAINS = "trains"
    """Maintenance trains: a domain of each pool at a time."""
    LOCK_STEP = "lock-step"
    """The whole cluster goes down for a window once a cycle."""
    SLIDING = "sliding"
    """Hosts one by one in the order of their names, as many at once as a pool's planned buffer; not by topology."""
    MAX_UNAVAILABLE = "max-unavailable"
    """Hosts one by one by name, a quarter of a pool at once, failed ones counted: Kubernetes' default."""
    NOTHING = "nothing"


IN_WORDS = {
    Policy.TRAINS: "maintenance trains",
    Policy.LOCK_STEP: "lock-step, whole cluster",
    Policy.SLIDING: "sliding, host by host",
    Policy.MAX_UNAVAILABLE: "maxUnavailable",
    Policy.NOTHING: "nothing",
}


class Upgrade(Fact):
    """A version that is rolled out, and what it does to hosts."""

    at_days: float = Field(0.0, ge=0, description="released; boards every visit that begins later")
    fails: float = Field(0.0, ge=0, le=1, description="chance that a host's visit fails by it")
    factor: float = Field(1.0, ge=1, le=1000, description="times the usual failures of a host that carries it")

    @property
    def bad(self) -> bool:
        """True when it harms hosts."""
        return self.fails > 0 or self.factor > 1


class Scenario(Fact):
    """One question. The same scenario has one answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    hosts: int = Field(ge=1)
    days: float = Field(gt=0, le=3650)
    workload: Workload = Field(exclude=True, repr=False)
    seed: int = Field(0, ge=0)
    policy: Policy = Policy.TRAINS
    pool_hosts: int = Field(4096, ge=1, description="hosts of a pool at most; each pool has its train and promises")
    domain: int = Field(72, ge=1, le=500, description="hosts of a maintenance domain, and of a rack for placement")
    cycle_days: float = Field(30.0, gt=0, description="every cycle opens so long after the last")
    bound_days: float | None = Field(None, gt=0, description="the cycle bound; by default cycle_days")
    visit: Spread = Spread(mean_s=2 * HOUR_S, sigma=0.3)
    """Of a host, from drained to returned. Hosts of a domain return one by one, and its visit ends with the last."""
    whole_visits: bool = False
    """`visit` is of a whole visit, as where that is what was measured: its hosts return together."""
    random_order: bool = False
    """Host-by-host policies take a pool's hosts in an order drawn by the cycle, not by name."""
    drain_s: float = Field(HOUR_S, ge=0, description="time jobs have to end by themselves before they are requeued")
    timetable: bool = True
    """Trains take the domain that their timetable puts first; else in a fixed order."""
    notice_s: float = Field(0.0, ge=0, description="time between telling jobs and draining")
    checkpoint_on_notice: bool = False
    """Jobs write a checkpoint just before a planned interruption, so that they lose only their restart."""
    planned_buffer: Amount | None = None
    """Of a pool; default one domain."""
    failure_buffer: Amount = "3%"
    floor: Amount | None = None
    """Of a pool; default its members less both buffers."""
    window_s: float = Field(8 * HOUR_S, gt=0, description="of lock-step: the whole cluster is down")
    unavailable: Amount = "25%"
    failures_per_1000_node_days: float = Field(6.5, ge=0)
    repair: Spread = Spread(mean_s=12 * HOUR_S, sigma=1.0)
    visit_fails: float = Field(0.005, ge=0, le=1, description="chance that a host's visit ends in a repair")
    upgrade: Upgrade | None = None
    checkpoint_write_s: float = Field(0.0, ge=0, description="what each checkpoint of a job takes")
    schedule_every_s: float = Field(60.0, ge=0, description="between passes of the scheduler; 0: at once")
    backfill_depth: int = Field(100, ge=0, description="queued jobs behind the first that a pass looks at")
    points: int = Field(360, ge=1, le=10_000, description="points of the outcome's curves")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        for members in {len(pool) for pool in self.pools}:
            found = problems(self.as_pool(), members)
            if found:
                raise ValueError(f"a pool of {members} hosts: {found[0]}")
        if len(self.pools[0]) / self.domain * (self.visit.mean_s + self.drain_s) > _LONGEST_CYCLE_S:
            raise ValueError("visit: expected the visits of a cycle, one after the other, to take 1,000 years at most")
        if len(self.workload) and int(self.workload.hosts.max()) > self.hosts:
            raise ValueError(
                f"workload: expected jobs of at most {self.hosts} hosts, the largest needs {self.workload.hosts.max()}"
            )
        return self

    @property
    def until_s(self) -> float:
        """The end, in seconds from the beginning."""
        return self.days * DAY_S

    @property
    def cycle_s(self) -> float:
        """Between the openings of two cycles, in seconds."""
        return self.cycle_days * DAY_S

    @property
    def bound_s(self) -> float:
        """The cycle bound in seconds."""
        return (self.bound_days or self.cycle_days) * DAY_S

    @property
    def pools(self) -> tuple[range, ...]:
        """The hosts of each pool: as many pools as it takes, their sizes one apart at most."""
        count = -(-self.hosts // self.pool_hosts)
        edges = [self.hosts * n // count for n in range(count + 1)]
        return tuple(range(a, b) for a, b in pairwise(edges))

    def as_pool(self) -> Pool:
        """A pool as a fleet file states it, for the policies of `fleet`."""
        return Pool(
            name="pool",
            hosts=HostSelector(names="gpu*"),
            domain=DomainSpec(size=self.domain, group_by=Grouping.NONE),
            planned_buffer=self.planned_buffer,
            failure_buffer=self.failure_buffer,
            floor=self.floor,
            cycle_bound=timedelta(seconds=self.bound_s),
            notice=timedelta(seconds=self.notice_s),
            drain=DrainPolicy(deadline=timedelta(seconds=self.drain_s)),
            visit_budget=timedelta(seconds=self.visit.mean_s),
        )

    def limits(self) -> tuple[Limits, ...]:
        """What each pool promises, in hosts."""
        pool = self.as_pool()
        return tuple(limits(pool, len(members)) for members in self.pools)
