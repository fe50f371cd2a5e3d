"""The ledger's rows as values: a number for each different ledger, and what a deed makes of one.

One deed on what it can see of a ledger is run once, by the store's own code, however often it is met.
"""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Table

from store.tables.fleet import HOSTS
from store.tables.hosts import INTENTS, OUTCOMES
from store.tables.ledger import AUTOSTOPS, LEASE_HOSTS, OBSERVATIONS, REQUESTS, STOPS
from store.tables.operations import OPERATION_HOSTS, OPERATION_PARTS, OPERATIONS
from tests.explorer.canonical import COLUMNS, TABLES, Row, Rows, canonical
from tests.explorer.database import BeyondReach, ExploredStore, StepwiseDatabase, at_once
from tests.explorer.moments import NOW, write

Reach = tuple[Table, ...]
_FACTS = (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, AUTOSTOPS, STOPS, OPERATION_PARTS)
_PARKINGS = (OPERATION_PARTS, OPERATION_HOSTS)
REACH: dict[str, Reach] = {
    "ask": _FACTS,
    "board": (REQUESTS, LEASE_HOSTS),
    "release": (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, OUTCOMES),
    "leave": (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, OUTCOMES),
    "hand_over": (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, OUTCOMES),
    "open_repair": (LEASE_HOSTS, HOSTS, OBSERVATIONS, OUTCOMES),
    "withdraw": (REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS),
    "bury": _FACTS,
    "settle": (*_FACTS, OPERATION_HOSTS, INTENTS),
    "failed": _FACTS,
    "look": (HOSTS, OBSERVATIONS, OPERATION_HOSTS),
    "look_in_vain": (HOSTS, OBSERVATIONS, OPERATION_HOSTS),
    "footing": (LEASE_HOSTS, HOSTS, STOPS, *_PARKINGS, INTENTS),
    "parked": (*_PARKINGS,),
    "hold": (INTENTS,),
    "end_hold": (INTENTS,),
    "say": (OPERATIONS, REQUESTS, LEASE_HOSTS, HOSTS, OBSERVATIONS, *_PARKINGS),
    "stop": (STOPS,),
    "resume": (STOPS, AUTOSTOPS),
}
"""The tables that a deed reads or writes: what is in the others is nothing to it, so it is run once for all of that.
One that goes beyond these, which the database notices, is given all tables.
"""
Deed = Callable[[], Awaitable[Hashable]]
Ledger = tuple[Any, ...]
"""Rows by table, in the order of `TABLES`, then when the look under way began."""

_PLACE = {table: number for number, table in enumerate(TABLES)}


class _Cut(BaseException):
    """The worker is gone, or stands still, just before it writes."""


@dataclass
class Ledgers:
    """Every ledger that was met."""

    database: StepwiseDatabase
    store: ExploredStore
    known: list[Ledger] = field(default_factory=list)
    numbers: dict[Ledger, int] = field(default_factory=dict)
    done: dict[Hashable, tuple[Ledger, Any, int]] = field(default_factory=dict)
    reach: dict[str, Reach] = field(default_factory=lambda: dict(REACH))
    shifted: dict[Hashable, int] = field(default_factory=dict)
    runs: int = 0
    _there: dict[Table, Rows] = field(default_factory=dict)
    """What the database holds now."""

    def number(self, ledger: Ledger) -> int:
        """The number of a ledger."""
        found = self.numbers.get(ledger)
        if found is None:
            found = self.numbers[ledger] = len(self.known)
            self.known.append(ledger)
        return found

    def rows(self, ledger: int, table: Table) -> list[Row]:
        """Rows of a table, by column."""
        return [dict(zip(COLUMNS[table], row, strict=True)) for row in self.known[ledger][_PLACE[table]]]

    def run(
        self, ledger: int, key: tuple, deed: Deed, *, since: tuple[int, int] | None = None, until: int | None = None
    ) -> tuple[int, Any, int]:
        """What becomes of a ledger, what the deed answers, and in how many transactions it wrote.

        `key` is the deed's name and arguments. `since`: a ledger and a number; what comes before that transaction was
        done on that ledger. `until`: the deed ends before that transaction, and answers nothing.
        """
        reach = self.reach.get(key[0], TABLES)
        here, then = self._within(ledger, reach), None if since is None else self._within(since[0], reach)
        memo = (key, here, then, since and since[1], until)
        found = self.done.get(memo)
        if found is None:
            try:
                found = self._run(deed, reach, here, then or here, since and since[1], until)
            except BeyondReach:
                self.reach[key[0]] = TABLES
                return self.run(ledger, key, deed, since=since, until=until)
            self.done[memo] = found
        rows, answer, writes = found
        return (ledger if rows == here else self._with(ledger, reach, rows)), answer, writes

    def _run(self, deed: Deed, reach: Reach, here: Ledger, first: Ledger, swap: int | None, until: int | None) -> tuple:
        self.runs += 1
        database, writes = self.database, 0

        def before_write() -> None:
            nonlocal writes
            writes += 1
            if writes == swap:
                self._load(reach, here)
            if writes == until:
                raise _Cut

        self._load(reach, first)
        loaded = dict(self._there)
        database.before_write, database.may_touch = before_write, reach
        try:
            with database.undone():
                try:
                    answer = at_once(deed())
                except _Cut:
                    answer = None
                left = {table: database.take_out(table) for table in reach} if writes else {}
        finally:
            database.before_write, database.may_touch, self._there = lambda: None, None, loaded
            if writes:
                self.store.forget()
                self.store.forget_queue()
        if not writes:
            return here, answer, 0
        tables, flying = canonical(left, here[-1], timedelta(0))
        return (*tables.values(), flying), answer, writes

    def _load(self, reach: Reach, rows: Ledger) -> None:
        """Put rows into the tables within reach, as far as others are there."""
        different = [(t, r) for t, r in zip(reach, rows, strict=False) if self._there.get(t) != r]
        for table, wanted in different:
            self.database.put_in(table, wanted)
            self._there[table] = wanted
        if any(table in (HOSTS, OBSERVATIONS) for table, _ in different):
            self.store.forget()
        if any(table is REQUESTS for table, _ in different):
            self.store.forget_queue()

    def _within(self, ledger: int, reach: Reach) -> Ledger:
        """What a deed can see of a ledger."""
        rows = self.known[ledger]
        return (*(rows[_PLACE[table]] for table in reach), rows[-1] if HOSTS in reach else None)

    def _with(self, ledger: int, reach: Reach, rows: Ledger) -> int:
        changed = list(self.known[ledger])
        for table, new in zip(reach, rows, strict=False):
            changed[_PLACE[table]] = new
        if HOSTS in reach:
            changed[-1] = rows[-1]
        return self.number(tuple(changed))

    def take(self) -> Ledger:
        """The ledger that the database holds now."""
        tables, _ = canonical({table: self.database.take_out(table) for table in TABLES}, None, timedelta(0))
        return (*tables.values(), None)

    def later(self, ledger: int, passed: timedelta) -> int:
        """The same ledger when time has passed."""
        return self._changed(ledger, self.known[ledger][-1], passed)

    def flying(self, ledger: int, *, begun: bool) -> int:
        """The same ledger with a look under way that begins now, or with none."""
        return self._changed(ledger, write(NOW) if begun else None, timedelta(0))

    def _changed(self, ledger: int, flying: str | None, passed: timedelta) -> int:
        memo = (ledger, flying, passed)
        found = self.shifted.get(memo)
        if found is None:
            tables, flying = canonical(dict(zip(TABLES, self.known[ledger], strict=False)), flying, passed)
            found = self.shifted[memo] = self.number((*tables.values(), flying))
        return found
