"""Where the domains that are left of a cycle stand before costs are looked at: in which rank, and from when on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.models.facts import TrainFacts
from fleet.models.train import DomainProgress, DomainState
from fleet.policy.next_stop import earliest, standing


class Place(NamedTuple):
    """Where a domain stands before costs are looked at."""

    rank: tuple[bool, int, bool, bool]
    """That its jobs were told already, then as the train has it."""
    earliest: float


@dataclass(frozen=True, slots=True)
class Places:
    """Of so many domains: most stand alike."""

    count: int
    usual: Place | None
    """None where each is another's."""
    others: dict[int, Place]

    def earliest(self) -> NDArray[np.float64]:
        """Of each domain."""
        found = np.full(self.count, self.usual.earliest if self.usual is not None else 0.0)
        for i, place in self.others.items():
            found[i] = place.earliest
        return found

    def rank(self) -> NDArray[np.int64]:
        """Of each domain, as a number."""
        usual = [] if self.usual is None else [self.usual.rank]
        number = {rank: n for n, rank in enumerate(sorted({*usual, *(p.rank for p in self.others.values())}))}
        found = np.full(self.count, number[self.usual.rank] if self.usual is not None else 0, np.int64)
        for i, place in self.others.items():
            found[i] = number[place.rank]
        return found


def places_of(facts: TrainFacts, domains: Sequence[DomainProgress]) -> Places:
    """Where they stand. Of those with nothing to tell them apart, which are most, one is looked at: due, never given
    back, and nobody waits for it or asked to keep away from it.
    """
    names, first = facts.avoided.keys() | facts.invited, facts.first
    others = {
        i: _place(facts, d)
        for i, d in enumerate(domains)
        if d.state is not DomainState.DUE
        or d.give_backs
        or d.domain.name in names
        or (first and not first.isdisjoint(d.domain.hosts))
    }
    usual = next((d for i, d in enumerate(domains) if i not in others), None)
    return Places(len(domains), None if usual is None else _place(facts, usual), others)


def _place(facts: TrainFacts, domain: DomainProgress) -> Place:
    begins = told(facts, domain) if domain.state is DomainState.NOTICED else 0.0
    return Place(
        rank=(domain.state is not DomainState.NOTICED, *standing(facts, domain)),
        earliest=max(begins, (earliest(facts, domain) - facts.now).total_seconds()),
    )


def told(facts: TrainFacts, domain: DomainProgress) -> float:
    """When the jobs of a domain have had their time, in seconds from now on."""
    notice = facts.pool.notice
    return max(0.0, ((domain.noticed_at or facts.now) + notice - facts.now).total_seconds())
