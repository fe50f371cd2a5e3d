"""A pool's promises in hosts: percentages resolved against its members, defaults filled in."""

from collections.abc import Iterable

from fleet.models.base import Fact, Moment
from fleet.models.override import Named, OverrideInForce
from fleet.models.pool import Pool
from fleet.models.units import buffer_hosts, floor_hosts


class Limits(Fact):
    """What a pool promises, in hosts."""

    members: int
    planned_buffer: int
    """Hosts out by plan at most."""
    failure_buffer: int
    """Failed hosts at which grants stop."""
    floor: int
    """Hosts that must be up for a grant to be given, whatever took the others out."""


def limits(pool: Pool, members: int) -> Limits:
    """Resolve a pool's amounts for so many members. By default one domain may be out, and the floor is the rest."""
    planned = pool.domain.size if pool.planned_buffer is None else buffer_hosts(pool.planned_buffer, members)
    failure = buffer_hosts(pool.failure_buffer, members)
    floor = max(0, members - planned - failure) if pool.floor is None else floor_hosts(pool.floor, members)
    return Limits(members=members, planned_buffer=planned, failure_buffer=failure, floor=floor)


def in_force(promised: Limits, overrides: Iterable[OverrideInForce], now: Moment, pool: str = "") -> Limits:
    """What a pool of the overrides' cluster is held to now: by each that is in force the numbers that it names, and
    without any number every host may be out by plan.
    """
    for override in overrides:
        if override.holds(now):
            promised = overridden(promised, override, pool)
    return promised


def overridden(promised: Limits, override: Named, pool: str) -> Limits:
    """What an override makes of a pool's promises: never less than they allow without it."""
    if override.whole:
        return promised.model_copy(update={"planned_buffer": promised.members, "floor": 0})
    planned = max(promised.planned_buffer, override.planned_buffer.get(pool, 0))
    floor = min(promised.floor, override.floor.get(pool, promised.floor))
    return promised.model_copy(update={"planned_buffer": planned, "floor": floor})


def problems(pool: Pool, members: int) -> tuple[str, ...]:
    """Why a fleet file with this pool is refused, a sentence each, opening with the field; empty when it may stand."""
    if members == 0:
        return ("hosts: expected at least one member, and the selector finds none",)
    found = []
    limit = limits(pool, members)
    domain = min(pool.domain.size, members)
    if limit.failure_buffer == 0:
        found.append("failure_buffer: expected at least 1; with 0 no grant would ever be given")
    if domain > limit.planned_buffer:
        found.append(
            f"planned_buffer: expected at least a domain's {domain} hosts, not {limit.planned_buffer} of {members};"
            " a domain is granted whole or not at all"
        )
    if members - domain < limit.floor:
        found.append(
            f"floor: expected at most {members - domain}, not {limit.floor}; with all {members} members up, taking a"
            f" domain of {domain} would already go below it"
        )
    return tuple(found)
