"""Domains that no grant could ever take whole, as the pool stands by now. A fleet file that makes such is refused; but
a load may lower a promise in the middle of a cycle, or hosts that leave for good lower a percentage.
"""

from collections.abc import Iterable
from typing import NamedTuple

from fleet.models.facts import TrainFacts
from fleet.models.train import DomainProgress
from fleet.policy.limits import limits


class TooLarge(NamedTuple):
    """Domains that no grant takes as the pool stands."""

    most: int
    """Hosts that may be out by plan."""
    first: str
    """One of the domains."""
    why: str


def too_large(facts: TrainFacts, remaining: Iterable[DomainProgress]) -> TooLarge | None:
    """Which of these domains have more hosts than may ever be out by plan, with the numbers."""
    if not facts.hosts:
        return None
    members = {host.name for host in facts.hosts if not host.decommissioned}
    promised = limits(facts.pool, len(members))
    most = min(promised.planned_buffer, promised.members - promised.floor)
    sizes = {p.domain.name: len(members.intersection(p.domain.hosts)) for p in remaining}
    over = [name for name, size in sizes.items() if size > most]
    if not over:
        return None
    several = f" and {len(over) - 1} more domains" if len(over) > 1 else ""
    told = f"{over[0]}{several}: {sizes[over[0]]} hosts, and no more than {most} of {len(members)} may be out by plan"
    limit = f"planned buffer {promised.planned_buffer}, floor {promised.floor}"
    why = f"{told} ({limit}): not granted before the fleet file allows it, or fewer of them are there to take"
    return TooLarge(most, over[0], why)
