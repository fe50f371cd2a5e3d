"""What the store needs of a database: run a piece of work as one transaction, for reading or for writing.

A piece of work is a plain function of a connection, so each is written once and runs on every database.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """One database; its methods raise Unreachable when it does not answer, and MaintrainError when it says no."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot of the facts."""
        ...

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """`read` for a few rows by an index, where a thread or another hop would cost more than the reading."""
        ...

    async def write(
        self, work: Callable[[Connection], T], *, lock: str | Iterable[str] = (), durable: bool = False
    ) -> T:
        """Run `work` as one transaction: committed whole, or, if it raises, not at all.

        Transactions that name the same lock, or one of several, run one after the other, over all processes. A
        `durable` one, and all before it, outlive the machine's loss of power; the last ones without it may not.
        """
        ...

    async def clock(self) -> datetime:
        """The time by the database's own clock, in UTC."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
