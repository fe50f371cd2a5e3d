"""One farm of eight hosts for the whole module; each test finds them healthy."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.drivers.verification.case import ToolCase
from tests.emulators.hosts import HostFarm, start_hosts


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostFarm]:
    folder: Path = tmp_path_factory.mktemp("farm")
    with start_hosts(folder, [f"gpu{n:03}" for n in range(1, 9)]) as farm:
        yield farm


@pytest.fixture
async def case(farm: HostFarm) -> AsyncIterator[ToolCase]:
    case = ToolCase(farm)
    yield case
    await case.close()
