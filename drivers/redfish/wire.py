"""What lies between a fence and the wire: nothing that may take long.

The fence is asked when the connection is open, its handshake done, and what was written to it before has arrived. From
then on the kernel gives up what the BMC does not acknowledge within `LANDED_S`: neither a late handshake nor a packet
that is sent again brings an effect to the BMC when the fence's word has run out.
"""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from typing import Any

from drivers.handshake import Handshake
from fleet.errors import Unreachable
from fleet.ports.fence import Fence, ahead_of

ALLOWED_S = 2.0
"""Seconds a fence may take; with `LANDED_S` below the fence's life, which counts from what the fence reads."""
LANDED_S = 2.0
"""Seconds until what was sent has arrived, or never does."""
_POLL = 0.01
_OPEN = (1, 8)
"""TCP states ESTABLISHED and CLOSE_WAIT, as Linux numbers them; workers run there."""


class NotSent(Unreachable):
    """Nothing was sent: by the time the fence had answered, its word was no longer worth anything."""


class Wire:
    """The connection of one request, which is its only one. `last_only`: the fence that counts is the one before the
    last bytes; the one before the first keeps an upload from being begun in vain.
    """

    def __init__(self, host: str, fence: Fence, *, last_only: bool = False) -> None:
        self.sent = False
        """True from the moment when the BMC may have the whole request."""
        self._host, self._fence, self._last_only = host, fence, last_only
        self._socket: socket.socket | None = None
        self._handshake = Handshake()

    async def watch(self, event: str, info: dict[str, Any]) -> None:
        """Follow the connection, as httpx's extension `trace` tells of it."""
        await self._handshake.watch(event, info)
        if event == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket")
        elif event == "http11.send_request_headers.started":
            if not self._last_only:
                self._hurry()
            await self._allowed(ahead_of(self._fence) if self._last_only else self._fence)
            self.sent = not self._last_only

    async def allow_last(self) -> None:
        """Pass the fence before the last bytes, when all others have arrived."""
        while True:
            if self._socket is None or not _under_way(self._socket):
                break
            await asyncio.sleep(_POLL)
        self._hurry()
        await self._allowed(self._fence)
        self.sent = True

    async def _allowed(self, fence: Fence) -> None:
        began = time.monotonic()
        await fence()
        if time.monotonic() - began > ALLOWED_S:
            raise NotSent(f"{self._host}: held up before it was sent; nothing was begun")

    def _hurry(self) -> None:
        if self._socket is not None and _is_open(self._socket):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(LANDED_S * 1000))


def _is_open(of: socket.socket) -> bool:
    """False when the other side has broken the connection off: what was written is lost then, and the answer tells."""
    return of.fileno() >= 0 and of.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _OPEN


def _under_way(of: socket.socket) -> bool:
    """True while bytes were written and are not acknowledged."""
    return _is_open(of) and struct.unpack("i", fcntl.ioctl(of.fileno(), termios.TIOCOUTQ, bytes(4))) != (0,)
