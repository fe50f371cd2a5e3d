"""A connection whose handshake is cut off from outside is closed: httpcore 1.0 closes it on errors, not when the task
that waits for it is cancelled, and its socket would stay open until it is collected as garbage.
"""

from typing import Any, Protocol


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class Handshake:
    """Follows the connection of one request, as httpx's extension `trace` tells of it."""

    def __init__(self) -> None:
        self._opened: _Closable | None = None

    async def watch(self, event: str, info: dict[str, Any]) -> None:
        """Remember the connection that was opened; close it when its handshake came to nothing."""
        if event == "connection.connect_tcp.complete":
            self._opened = info["return_value"]
        elif event == "connection.start_tls.complete":
            self._opened = None
        elif event == "connection.start_tls.failed" and self._opened is not None:
            await self._opened.aclose()
