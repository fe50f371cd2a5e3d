"""Cycles, domains, visits, notices: their port."""

from typing import Protocol

from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.sizing import VisitLength
from fleet.models.train import Cycle, Domain, Visit


class TrainBook(Protocol):
    """Cycles, domains, visits, notices."""

    async def train_facts(self, cluster: str, pool: str, now: Moment) -> TrainFacts | None:
        """Facts for the next stop; None when the fleet file has no such pool."""
        ...

    async def ask_cycles(
        self, cluster: str, pool: str, cycles: int | None, actor: str, reason: str, now: Moment
    ) -> None:
        """Let the train run `cycles` more cycles, or without end (None). Audited."""
        ...

    async def open_cycle(
        self, cluster: str, pool: str, number: int, domains: tuple[Domain, ...], now: Moment, due: Moment
    ) -> None:
        """Open a cycle over these domains; idempotent by number."""
        ...

    async def close_cycle(self, cluster: str, pool: str, number: int, now: Moment) -> None:
        """Close a cycle, which uses up one asked cycle."""
        ...

    async def cycle(self, cluster: str, pool: str, number: int | None = None) -> Cycle | None:
        """A cycle, or the latest."""
        ...

    async def noticed(self, cluster: str, pool: str, cycle: int, domain: str, now: Moment) -> None:
        """The jobs of a domain were told."""
        ...

    async def skip(self, cluster: str, pool: str, domain: str, actor: str, reason: str, now: Moment) -> bool:
        """Leave a due domain out of the open cycle; False when it is not due. Audited."""
        ...

    async def open_visit(self, visit: Visit) -> bool:
        """Write a visit and mark its due domain as visiting; False, and nothing written, when it is no longer due."""
        ...

    async def close_visit(
        self, visit_id: str, now: Moment, reason: str, *, gave_back: bool, due_again: bool = False
    ) -> None:
        """End a visit. `gave_back`: jobs kept the domain; it is due again, and one give-back is counted.
        `due_again`: due again for another reason (a stop), which is not counted.
        """
        ...

    async def visit(self, visit_id: str) -> Visit | None:
        """A visit."""
        ...

    async def visit_lengths(self, cluster: str, pool: str, most: int = 200) -> tuple[VisitLength, ...]:
        """The pool's last visits that took hosts and did not give them back: hosts, and time from grant to end."""
        ...

    async def add_left_out(self, visit_id: str, left_out: dict[str, str]) -> None:
        """Name more hosts that a visit does not take, with why."""
        ...
