"""Size and promises of the fleet that a what-if is about: of a pool of a fleet file, or imagined."""

from dataclasses import dataclass
from pathlib import Path

from fleet.errors import InvalidInput
from fleet.hostlist import expand
from fleet.models.job_costs import JobCosts
from fleet.models.pool import AtDeadline, Grouping, Pool
from simulation.chance import Spread
from simulation.job import DAY_S
from starter.fleetfile import read_fleet

LARGEST_DOMAIN, DOMAINS = 72, 20
"""Of an imagined fleet: a rack of NVLink-connected hosts, and so many domains at least."""


@dataclass(frozen=True)
class Promised:
    """What a fleet file says of a pool, or what is imagined."""

    about: dict[str, object]
    """Fields of a scenario."""
    notes: tuple[str, ...] = ()
    """What of the pool is not simulated."""
    job_costs: JobCosts | None = None


def promises(fleet: Path | None, wanted: str | None, hosts: int | None) -> Promised:
    """Size and promises. InvalidInput where pool or size isn't told."""
    if fleet is None:
        if wanted is not None:
            raise InvalidInput("--pool", "", "expected --fleet FILE, whose pool it is")
        if hosts is None:
            raise InvalidInput("--hosts", "", "expected --hosts N or --fleet FILE")
        return Promised({"hosts": hosts, "domain": max(1, min(LARGEST_DOMAIN, hosts // DOMAINS))})
    found = _find(fleet, wanted)
    count = hosts or _count(fleet, found)
    about = {
        "hosts": count,
        "pool_hosts": count,
        "domain": found.domain.size,
        # A train without end opens its next cycle half the bound after the last one opened (`fleet.policy.next_stop`).
        "cycle_days": found.cycle_bound.total_seconds() / DAY_S / 2,
        "bound_days": found.cycle_bound.total_seconds() / DAY_S,
        "visit": Spread(mean_s=found.visit_budget.total_seconds()),
        "drain_s": found.drain.deadline.total_seconds(),
        "notice_s": found.notice.total_seconds(),
        "planned_buffer": found.planned_buffer,
        "failure_buffer": found.failure_buffer,
        "floor": found.floor,
    }
    return Promised(about, (_every_job(found), *_unsaid(found)), found.job_costs)


def _every_job(pool: Pool) -> str:
    """What a what-if makes of a pool's drain policy: jobs don't tell it whether they can be requeued."""
    drain = pool.drain
    kept = drain.requeueable is not AtDeadline.REQUEUE
    first = f"{pool.name} lets jobs that can be requeued {drain.requeueable.value}; here" if kept else "At the deadline"
    return (
        f"{first} every job is requeued: what drain says of jobs that can't be"
        f" ({drain.not_requeueable.value}) and of interactive ones ({drain.interactive.value}) is not simulated."
    )


def _unsaid(pool: Pool) -> tuple[str, ...]:
    unsaid = {
        f"domains by {pool.domain.group_by.value} (here: hosts side by side)": pool.domain.group_by
        is not Grouping.NONE,
        "windows": bool(pool.windows),
        "replica groups": pool.replicas is not None,
    }
    named = [name for name, there in unsaid.items() if there]
    told = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    return (f"The {told} of {pool.name} are not simulated.",) if named else ()


def _find(fleet: Path, wanted: str | None) -> Pool:
    pools = {f"{c.name}/{p.name}": p for c in read_fleet(fleet)[0].clusters for p in c.pools}
    matching = [p for name, p in pools.items() if wanted in (None, name, name.partition("/")[2])]
    if len(matching) != 1:
        found = "that names one" if not matching else "to name one"
        raise InvalidInput("--pool", "", f"expected a pool of {fleet} {found}: {', '.join(pools)}")
    return matching[0]


def _count(fleet: Path, pool: Pool) -> int:
    if pool.hosts.names is None or pool.hosts.partition or pool.hosts.feature:
        source = f"{fleet}: pools.{pool.name}.hosts"
        raise InvalidInput(source, "", "only the scheduler knows how many it selects: expected --hosts N beside it")
    return len(expand(pool.hosts.names))
