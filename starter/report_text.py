"""A report as tables, for a terminal."""

from fleet.models.report import PoolReport, Report
from starter.show import table

HOSTS_SHOWN = 10


def report_lines(found: Report) -> list[str]:
    """The report for people."""
    lines = [f"from {found.begin:%F %T} to {found.end:%F %T}Z", ""]
    if not found.pools:
        return [*lines, "nothing was noted yet: the dispatcher notes it with each look"]
    heads = (
        "pool",
        "kept",
        "lowest up",
        "floor",
        "h under",
        "h over buffer",
        "cycles on time",
        "jobs interrupted",
        "why",
    )
    lines.append(table(heads, [_row(p) for p in found.pools]))
    for pool in found.pools:
        lines += _pool(pool)
    for cluster, carried in found.upgrades.items():
        if carried:
            of = found.members[cluster]
            rows = [(c.component, c.version, f"{c.hosts}/{of}", c.gained, "yes" if c.desired else "") for c in carried]
            columns = ("component", "version", "carried by", "came to it", "wanted")
            lines += ["", f"upgrades in {cluster}", table(columns, rows)]
    return lines


def name_of(pool: PoolReport) -> str:
    """A pool with its cluster."""
    return f"{pool.cluster}/{pool.pool}"


def verdict(pool: PoolReport) -> str:
    """Whether its promises were kept; of what nobody observed that can't be said."""
    if not pool.kept:
        return "not kept"
    return "kept" if pool.observed_hours else "not observed"


def cycles_on_time(pool: PoolReport) -> str:
    """How many of the cycles that ended, or should have, kept their bound."""
    ended = [c for c in pool.cycles if c.end != "under way"]
    return f"{sum(1 for c in ended if c.end == 'on time')}/{len(ended)}" if ended else "-"


def interruptions(pool: PoolReport) -> str:
    """Jobs that were ended before their own end."""
    if not pool.jobs_interrupted:
        return "0"
    return f"{pool.jobs_interrupted} ({pool.gangs_interrupted} gangs, {pool.job_hosts_interrupted} hosts)"


def _row(pool: PoolReport) -> tuple[object, ...]:
    low = pool.lowest
    up, floor = (f"{low.up}/{low.members}", low.floor) if low is not None else ("-", "-")
    under = f"{pool.hours_under_floor:.1f}"
    if pool.hours_under_floor_overridden:
        under += f" ({pool.hours_under_floor_overridden:.1f} overridden)"
    kept = {"kept": "yes", "not kept": "NO"}.get(verdict(pool), "?")
    over = f"{pool.hours_over_buffer:.1f}"
    return (name_of(pool), kept, up, floor, under, over, cycles_on_time(pool), interruptions(pool), pool.reason)


def _pool(pool: PoolReport) -> list[str]:
    lines = ["", f"{name_of(pool)}: {pool.members} hosts, observed {pool.observed_hours:.1f} h"]
    if pool.unobserved_hours >= 0.1:  # noqa: PLR2004  (less does not show in the figure)
        lines[-1] += f", not observed {pool.unobserved_hours:.1f} h"
    low = pool.lowest
    if low is not None:
        causes = ", ".join(f"{count} {cause}" for cause, count in low.causes.items()) or "none out"
        lines.append(f"lowest at {low.at:%F %T}: {low.up} up ({causes})")
    if pool.under_floor_host_hours:
        lines.append("under the floor for: " + _causes(pool.under_floor_host_hours))
    if pool.out_host_hours:
        lines.append("out: " + _causes(pool.out_host_hours))
    lines += [f"cycle {c.times.number} {c.end}: {c.reason}" for c in pool.cycles]
    rows = [(h.host, f"{h.hours:.1f}", h.times, _causes(h.by_cause)) for h in pool.hosts[:HOSTS_SHOWN]]
    if rows:
        lines.append(table(("longest out", "hours", "times", "for"), rows))
        if len(pool.hosts) > HOSTS_SHOWN:
            lines.append(f"and {len(pool.hosts) - HOSTS_SHOWN} more hosts")
    return lines


def _causes(found: dict[str, float]) -> str:
    return ", ".join(f"{cause} {hours:.1f} host-hours" for cause, hours in found.items())
