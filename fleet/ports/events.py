"""The way to one receiver of events."""

from typing import Protocol

from fleet.models.event import Event


class EventSender(Protocol):
    """Sends events to one sink, one at a time."""

    async def send(self, event: Event) -> None:
        """Return once the receiver has taken it. `Refused` when it will never take this one; `Unreachable` when it
        did not take it now; `InvalidInput` when what its address or key is read from is not as it should be.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
