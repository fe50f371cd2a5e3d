"""The port of one BMC: it listens with TLS, or is held without listening so that connections are refused."""

import asyncio
import contextlib
import socket
import ssl

from tests.emulators.bmc.clock import now
from tests.emulators.bmc.http import Answer, BadRequest, encode, read_request
from tests.emulators.bmc.machine import Bmc
from tests.emulators.bmc.service import Service
from tests.emulators.bmc.spec import FaultKind

_BACKLOG = 128
_ENDS_WITHIN = 1.0


class Listener:
    """Connections to one BMC. `impostor` is the TLS context that the fault of a changed certificate shows."""

    def __init__(
        self, bmc: Bmc, service: Service, own: ssl.SSLContext, impostor: ssl.SSLContext, address: str = "127.0.0.1"
    ) -> None:
        self._bmc = bmc
        self._at = (address, bmc.state.port)
        self._service = service
        self._own = own
        self._impostor = impostor
        own.sni_callback = self._choose_certificate
        self._socket = _hold(self._at)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self, at: float) -> None:
        """Listen, or refuse, as the BMC does now."""
        listening = self._bmc.listening(at)
        if listening and self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=self._socket, ssl=self._own, backlog=_BACKLOG)
        elif not listening and self._server is not None:
            self.close()
            self._socket = _hold(self._at)

    def close(self) -> None:
        """Refuse connections and cut those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def end(self) -> None:
        """Close, and wait for the conversations to end."""
        self.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_ENDS_WITHIN)

    def _choose_certificate(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, own: ssl.SSLContext) -> None:
        if self._bmc.faults.strike(FaultKind.CERTIFICATE_CHANGED, now()) is not None:
            tls.context = self._impostor

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(writer)
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass  # the client went away, the BMC did, or the farm ends: nobody is left to tell
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await read_request(reader, writer)
            except (BadRequest, ValueError):
                writer.write(encode(Answer(400), last=True))
                return
            if request is None:
                return
            if self._bmc.faults.now(FaultKind.HUNG, now()) is not None:
                await asyncio.Event().wait()  # until the client gives up, or the farm ends
            last = request.headers.get("connection", "").lower() == "close"
            answer = await self._service.answer(request)
            writer.write(encode(answer, head=request.method == "HEAD", last=last))
            await writer.drain()
            if last:
                return


def _hold(at: tuple[str, int]) -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(at)
        held.setblocking(False)
    except OSError:
        with contextlib.suppress(OSError):
            held.close()
        raise
    return held
