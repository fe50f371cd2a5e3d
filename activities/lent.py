"""Hosts that measurements of others count on, as one worker process sees them: none of them returns in their midst,
when a job may come to it that would be slowed, and slow the measurement.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Lent:
    """How many measurements count on each host."""

    def __init__(self) -> None:
        self._by: Counter[str] = Counter()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def counted(self, hosts: Sequence[str]) -> AsyncIterator[None]:
        """A measurement counts on these hosts from its choice of them to its end."""
        self._by.update(hosts)
        try:
            yield
        finally:
            self._by.subtract(hosts)
            self._by = +self._by
            self._freed.set()
            self._freed = asyncio.Event()

    async def free(self, host: str) -> None:
        """Wait until no measurement counts on the host."""
        while self._by[host]:
            await self._freed.wait()
