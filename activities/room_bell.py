"""Rung when a host was given back where an emergency waits for hosts or for room: it looks at once, and the dispatcher
settles.
"""

import asyncio
import time

from temporalio import activity

from activities.deps import Deps
from fleet import ids
from fleet.errors import Unreachable

QUIET = 0.3
"""Seconds for which one ring serves the hosts that come back together; the dispatcher looks within two anyway."""


class RoomBell:
    """One worker's bell."""

    def __init__(self, deps: Deps, quiet: float = QUIET) -> None:
        self._deps, self._quiet = deps, quiet
        self._rung: dict[str, float] = {}

    async def ring(self, cluster: str, pool: str) -> None:
        """Wake the dispatcher and the emergency that has hosts to take in a pool; nobody where there is none.

        A word that does not arrive costs no more than the time until they look by themselves.
        """
        emergency = (await self._deps.store.urgent_pools(cluster)).get(pool)
        if emergency is None or time.monotonic() - self._rung.get(emergency, -self._quiet) < self._quiet:
            return
        self._rung[emergency] = time.monotonic()
        await asyncio.gather(*(self._wake(holder, pool) for holder in (ids.dispatcher(cluster), emergency)))

    async def _wake(self, holder: str, pool: str) -> None:
        try:
            await self._deps.engine.wake(holder)
        except Unreachable as error:
            activity.logger.warning(f"{holder} was not told that a host of {pool} came back: {error}")
