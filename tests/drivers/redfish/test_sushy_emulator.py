"""Inventory of systems and power against sushy-tools' emulator, a Redfish service that this project did not write.

It stops at an UpdateService without a firmware inventory and at a task service that its root does not name, so what
is shown there is that both are told as what they are and never as an empty inventory.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from drivers.redfish import RedfishMechanism
from fleet.errors import DriverError
from fleet.models.redfish import Redfish
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import Fence, credentials, rules, until
from tests.require import require

EMULATOR = Path(sys.executable).parent / "sushy-emulator"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the emulator listens."""
    require("sushy-tools", EMULATOR.exists(), "pip install sushy-tools")
    folder = tmp_path_factory.mktemp("sushy")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "emulator.conf").write_text(f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\n")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(EMULATOR), "--fake", "-i", "127.0.0.1", "-p", str(port), "--config", str(folder / "emulator.conf")],
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/redfish/v1/", process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the emulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def redfish(address: str, tmp_path: Path) -> RedfishMechanism:
    plain = {
        "address": address,
        "insecure": True,
        "poll": "200ms",
        "models": [{"name": "fake", "manufacturer": "Sushy Emulator", "components": rules()}],
    }
    return RedfishMechanism(Redfish.model_validate(plain | credentials(tmp_path)), tmp_path)


async def test_power_is_read_given_and_taken(redfish: RedfishMechanism) -> None:
    assert not await redfish.is_on("fake")
    await redfish.cycle("fake", open_fence)
    # The emulator takes up to 11 seconds.
    assert await until(lambda: redfish.is_on("fake"), True, within=30)
    with pytest.raises(Fence.Closed):
        await redfish.cycle("fake", Fence(opens=0))


async def test_a_firmware_inventory_that_is_not_there_is_an_error_and_no_empty_one(redfish: RedfishMechanism) -> None:
    with pytest.raises(DriverError):
        await redfish.versions("fake")


async def test_a_bmc_without_a_task_service_is_given_no_update(redfish: RedfishMechanism) -> None:
    with pytest.raises(DriverError):
        await redfish.tasks("fake", "bios")
