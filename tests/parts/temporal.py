"""A real Temporal for a test session: the embedded server in a temporary folder, set up as `maintrain setup` does.

Use it by importing the fixtures into a conftest: `from tests.parts.temporal import client, temporal`.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from runtime.client import connect
from runtime.embedded import EmbeddedServer
from runtime.namespace import setup_namespace
from runtime.settings import Settings, load_settings


def settings_in(folder: Path, **environ: str) -> Settings:
    """Settings of a data folder, whatever the environment of the test run says."""
    return load_settings({"MAINTRAIN_DATA": str(folder), "MAINTRAIN_LOG_FORMAT": "json", **environ})


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server: `temporal.record.address`."""
    settings = settings_in(tmp_path_factory.mktemp("temporal"))
    server = EmbeddedServer(settings)

    async def begin() -> None:
        await server.start()
        await setup_namespace(await connect(settings))

    asyncio.run(begin())
    yield server
    asyncio.run(server.stop())


@pytest_asyncio.fixture
async def client(temporal: EmbeddedServer) -> Client:
    """A client as worker and command line have it, with their data converter."""
    return await connect(temporal.settings)
