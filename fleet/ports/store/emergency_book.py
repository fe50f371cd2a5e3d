"""Emergencies and their hosts: their port."""

from collections.abc import Callable, Iterable
from typing import Protocol

from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyHostState


class EmergencyBook(Protocol):
    """Emergencies."""

    async def start_emergency(self, emergency: Emergency, hosts: Iterable[EmergencyHost]) -> bool:
        """Write an emergency and its hosts; False when this very one was started before. Audited.

        `Refused` when another one of its name was.
        """
        ...

    async def emergencies(self, cluster: str | None = None) -> tuple[Emergency, ...]:
        """All that were ever started, the newest first; of one cluster, or of all."""
        ...

    async def unfinished_emergencies(self, cluster: str) -> tuple[str, ...]:
        """Those that are open, or over with a stop that has not ended yet; their ids."""
        ...

    async def emergency(self, emergency_id: str) -> Emergency | None:
        """One of them."""
        ...

    async def emergency_hosts(self, emergency_id: str, stop: str | None = None) -> tuple[EmergencyHost, ...]:
        """Its hosts by name; of one stop, or all."""
        ...

    async def count_emergency_hosts(self, emergency_id: str) -> dict[EmergencyHostState, int]:
        """Its hosts by state."""
        ...

    async def change_emergency(
        self,
        emergency_id: str,
        decide: Callable[[Emergency, tuple[EmergencyHost, ...]], EmergencyChange],
        stop: str | None = None,
    ) -> Emergency:
        """Read an emergency and its hosts (of one stop, or all), decide, and write what becomes of them, in one
        transaction.

        `InvalidInput` for an unknown one; what `decide` raises leaves all as it was.
        """
        ...

    async def urgent_pools(self, cluster: str) -> dict[str, str]:
        """Pool: the emergency that has hosts to take there."""
        ...
