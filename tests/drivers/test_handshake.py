"""A BMC that takes a connection and never ends its handshake keeps no socket of ours once we have gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from drivers.redfish.connection import Bmc, connected
from fleet.ports.fence import open_fence

GONE_S = 5.0


class Mute:
    """Takes connections and their first bytes, and says nothing."""

    def __init__(self) -> None:
        self.greeted, self.left = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"" != await reader.read(1 << 16)
        self.greeted.set()
        with suppress(ConnectionResetError):
            assert b"" == await reader.read(1)
        self.left.set()
        writer.close()


@asynccontextmanager
async def mute() -> AsyncIterator[tuple[Mute, Bmc]]:
    listener = Mute()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connected("one", address, ("user", "word"), False, 60.0) as bmc:
        yield listener, bmc


@pytest.mark.parametrize(
    "ask",
    [lambda bmc: bmc.get("/redfish/v1"), lambda bmc: bmc.post("/redfish/v1/Do", {}, open_fence)],
    ids=["a reading", "an effect"],
)
async def test_a_request_cancelled_in_its_handshake_closes_its_connection(
    ask: Callable[[Bmc], Awaitable[object]],
) -> None:
    async with mute() as (listener, bmc):
        asking = asyncio.ensure_future(ask(bmc))
        await asyncio.wait_for(listener.greeted.wait(), GONE_S)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        await asyncio.wait_for(listener.left.wait(), GONE_S)
