"""Ports for servers that we start on loopback."""

import asyncio
import socket
import time

from fleet.errors import Unreachable

HELD_FOR = 1.0
"""Seconds to wait for the last port before another is taken."""
POLL = 0.05


async def choose_port(wanted: int, last: int, other_than: int = 0) -> int:
    """The port that was asked for, else the last one where it is free, else a free one.

    A killed server's threads hold its port for a moment after its process reads as dead, so it is asked for again.
    Raises `Unreachable` when the port that was asked for stays taken.
    """
    deadline = time.monotonic() + HELD_FOR
    while wanted or last:
        if _bindable(wanted or last):
            return wanted or last
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL)
    if wanted:
        raise Unreachable(f"port {wanted} is in use by another program")
    found = _bindable(0)
    return found if found != other_than else await choose_port(0, 0, other_than)


def _bindable(port: int) -> int:
    """The port (a free one for 0) if it can be bound on loopback, else 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
