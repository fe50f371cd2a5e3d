"""Size and promises of the fleet that a what-if is about: of a pool of a fleet file, or imagined."""

from pathlib import Path

from fleet.errors import InvalidInput
from fleet.hostlist import expand
from fleet.models.pool import Pool
from simulation.chance import Spread
from simulation.job import DAY_S
from starter.fleetfile import read_fleet

LARGEST_DOMAIN, DOMAINS = 72, 20
"""Of an imagined fleet: a rack of NVLink-connected hosts, and so many domains at least."""


def promises(fleet: Path | None, wanted: str | None, hosts: int | None) -> tuple[dict[str, object], tuple[str, ...]]:
    """Fields of a scenario, and what of the pool is not simulated. InvalidInput where pool or size isn't told."""
    if fleet is None:
        if wanted is not None:
            raise InvalidInput("--pool", "", "expected --fleet FILE, whose pool it is")
        if hosts is None:
            raise InvalidInput("--hosts", "", "expected --hosts N or --fleet FILE")
        return {"hosts": hosts, "domain": max(1, min(LARGEST_DOMAIN, hosts // DOMAINS))}, ()
    found = _find(fleet, wanted)
    count = hosts or _count(fleet, found)
    about = {
        "hosts": count,
        "pool_hosts": count,
        "domain": found.domain.size,
        "cycle_days": found.cycle_bound.total_seconds() / DAY_S,
        "visit": Spread(mean_s=found.visit_budget.total_seconds()),
        "drain_s": found.drain.deadline.total_seconds(),
        "notice_s": found.notice.total_seconds(),
        "planned_buffer": found.planned_buffer,
        "failure_buffer": found.failure_buffer,
        "floor": found.floor,
    }
    unsaid = {"windows": bool(found.windows), "replica groups": found.replicas is not None}
    named = " and ".join(name for name, there in unsaid.items() if there)
    return about, (f"The {named} of {found.name} are not simulated.",) if named else ()


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
