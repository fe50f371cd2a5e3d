"""Two hosts on loopback for the tests of SSH, put back to their beginning before each."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from drivers.ssh import SshRemote
from fleet.models.ssh import Ssh
from tests.emulators.hosts import HostFarm, start_hosts
from tests.emulators.hosts.farm import INSTALLED
from tests.emulators.hosts.kernel import write_kernel


@pytest.fixture(scope="session")
def farm_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostFarm]:
    with start_hosts(tmp_path_factory.mktemp("farm") / "hosts", ["gpu001", "gpu002"]) as farm:
        yield farm


@pytest.fixture
async def farm(farm_session: HostFarm) -> HostFarm:
    for host in farm_session.hosts:
        farm_session.clear_faults(host)
        farm_session.come_up(host)
        root = farm_session.root(host)
        (root / "state.json").write_text(json.dumps(INSTALLED))
        write_kernel(root, INSTALLED)
    (farm_session.folder / "journal.jsonl").unlink(missing_ok=True)
    return farm_session


@pytest_asyncio.fixture
async def remote(farm: HostFarm) -> AsyncIterator[SshRemote]:
    opened = SshRemote(Ssh(**farm.options()), Path("/"))
    yield opened
    await opened.close()
    await asyncio.sleep(0)
