"""A small fleet as one value, and what may happen to it next.

The ledger is changed by the real transactions only (`deeds`). Around it: each host as the scheduler has it, the visits
and the work on each host as far as they have come, messages under way, and how many troubles may still come.

A part is a function of world and state that tells its moves. Whatever else holds leases joins as one more part.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from fleet import ids
from store.tables.ledger import LEASE_HOSTS, REQUESTS, STOPS
from store.tables.operations import OPERATIONS
from tests.explorer.canonical import Row
from tests.explorer.deeds import UP, C, Deeds
from tests.explorer.search import Move

Work = tuple[str, str, int | None]
"""Step, operation, and the number of the visit; None in repair."""


OF_OPERATION = -1
"""In place of a visit's number."""


class State(NamedTuple):
    """Everything at one instant."""

    ledger: int
    truth: tuple[str, ...]
    """Each host as the scheduler has it: up, down, foreign, or drained with this reason of ours."""
    visits: tuple[tuple, ...]
    """How far each visit has come."""
    work: tuple[Work | None, ...]
    """The workflow of each host."""
    bag: frozenset[tuple]
    """Messages under way, and writes of workers that stand still."""
    left: tuple[str, ...]
    """Troubles that may still come."""


Then = Callable[[int, Any], State]
Part = Callable[["World", State], Iterable[Move[State]]]


@dataclass
class World:
    """What does not change."""

    deeds: Deeds
    hosts: tuple[str, ...]
    visits: tuple[str, ...]
    parts: tuple[Part, ...]
    operations: tuple[str, ...] = ()
    """Hosts of each submitted operation's scope."""

    def moves(self, state: State) -> Iterator[Move[State]]:
        """All that may happen next."""
        for part in self.parts:
            yield from part(self, state)

    def do(self, state: State, label: str, deed: tuple, then: Then) -> Iterator[Move[State]]:
        """An attempt at a deed: it is done, or its worker stands still before one of its writes, and the deed is tried
        again from its beginning, while the first attempt may go on at any time.
        """
        after, answer, writes = self.deeds.run(state.ledger, *deed)
        yield Move(label, True, then(after, answer))
        if "late" not in state.left:
            return
        for write in range(1, writes + 1):
            cut, _, _ = self.deeds.run(state.ledger, *deed, until=write)
            late = ("late", deed, write, state.ledger)
            stuck = state._replace(ledger=cut, bag=state.bag | {late}, left=without(state.left, "late"))
            yield Move(f"{label}: its worker stands still before write {write}", False, stuck)

    def row_of(self, state: State, op_id: str) -> Row:
        """A submitted operation as its row stands."""
        return next(row for row in self.deeds.ledgers.rows(state.ledger, OPERATIONS) if row["id"] == op_id)

    def alive(self, state: State) -> frozenset[str]:
        """Workflows that run."""
        rows = self.deeds.ledgers.rows(state.ledger, OPERATIONS)
        open_ = (row["id"] for row in rows if not row["over"])
        visits = (v for v, phase in zip(self.visits, state.visits, strict=True) if phase[0] not in ("over", "gone"))
        hosts = (ids.host(C, h) for h, work in zip(self.hosts, state.work, strict=True) if work is not None)
        return frozenset([*visits, *hosts, *open_])

    def is_over(self, state: State) -> bool:
        """True when everything has come to its end: every host is back, and nothing waits."""
        idle = all(phase[0] == "over" for phase in state.visits) and not any(state.work)
        if not idle or set(state.truth) != {UP}:
            return False
        ledgers = self.deeds.ledgers
        if not all(row["over"] for row in ledgers.rows(state.ledger, OPERATIONS)):
            return False
        waits = any(row["state"] == "waiting" for row in ledgers.rows(state.ledger, REQUESTS))
        return not (waits or ledgers.rows(state.ledger, LEASE_HOSTS) or ledgers.rows(state.ledger, STOPS))


def put(values: tuple, number: int, value: Any) -> tuple:
    """The same with another value at one place."""
    return (*values[:number], value, *values[number + 1 :])


def without(left: tuple[str, ...], trouble: str) -> tuple[str, ...]:
    """The same with one trouble less."""
    number = left.index(trouble)
    return left[:number] + left[number + 1 :]


def drained_by(work: Work) -> str:
    """The reason that work writes on its host."""
    return ids.drain_reason(ids.PLANNED if work[2] is not None else ids.REPAIR, work[1])


def is_ours(truth: str) -> bool:
    """Whether a host is drained by us."""
    return ids.owned_reason(truth) is not None
