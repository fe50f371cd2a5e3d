"""Options and mechanisms for the tests."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from drivers.redfish import RedfishMechanism
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.redfish import Redfish
from tests.drivers.redfish.oddbmc import OddBmc
from tests.emulators.bmc.starting import Farm

USER, PASSWORD = "maintrain", "loopback-only"
IMAGES = (
    ("bmc", "1.1.0"),
    ("bios", "2.2.0"),
    ("gpu-vbios", "97.00.01"),
    ("nic-firmware", "28.40.1000"),
    ("fpga", "4.0"),
)
BEFORE = {"bmc": "1.0.0", "bios": "2.1.0", "nic-firmware": "28.39.1002", "gpu-vbios": "96.00.74", "fpga": "3.0"}
IMAGE = b"an image\n" * 1000
INVENTORY = "/redfish/v1/UpdateService/FirmwareInventory"


def rules(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The farm's hardware, by component; changes by component with underscores."""
    plain: dict[str, dict[str, Any]] = {
        "bmc": {"members": {"id": "BMC"}, "activation": "bmc_resets_itself"},
        "bios": {"members": {"id": "BIOS"}, "activation": "reboot"},
        "gpu-vbios": {"members": {"id": "FW_GPU_[0-7]"}, "count": 8, "activation": "reboot"},
        "nic-firmware": {"members": {"id": "NIC_0"}, "activation": "power_cycle"},
        "fpga": {"members": {"name": "FPGA of .*"}, "activation": "bmc_reset"},
    }
    return [{"component": name, **rule, **changes.get(name.replace("-", "_"), {})} for name, rule in plain.items()]


def credentials(folder: Path) -> dict[str, Any]:
    """User and password as files."""
    (folder / "user").write_text(USER + "\n")
    (folder / "password").write_text(PASSWORD + "\n")
    return {"user": {"file": "user"}, "password": {"file": "password"}}


def options(farm: Farm, folder: Path, model: dict[str, Any] | None = None, **changes: Any) -> Redfish:
    """Options for the farm, with every image in the catalogue."""
    images = []
    for component, version in IMAGES:
        path = farm.image(component, version)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        images.append({"component": component, "version": version, "file": path.name, "sha256": digest})
    plain: dict[str, Any] = {
        "address": "https://{host}.invalid",
        "addresses": farm.addresses,
        "ca_file": str(farm.ca),
        "timeout": "5s",
        "poll": "100ms",
        "silent_for": "20s",
        "activates_within": "20s",
        "images": {"folder": str(farm.spec.folder / "images"), "images": images},
        "models": [
            {"name": "hgx", "manufacturer": "Loopback", "model": "HGX-8", "components": rules()} | (model or {})
        ],
    }
    return Redfish.model_validate(plain | credentials(folder) | changes)


def mechanism(farm: Farm, folder: Path, model: dict[str, Any] | None = None, **changes: Any) -> RedfishMechanism:
    """A mechanism on the farm; another one stands for another process."""
    return RedfishMechanism(options(farm, folder, model, **changes), folder)


def odd_mechanism(bmc: OddBmc, folder: Path, model: dict[str, Any] | None = None, **changes: Any) -> RedfishMechanism:
    """A mechanism on an odd BMC, which has a BMC and a BIOS, and an image for the latter."""
    (folder / "bios-2.1.bin").write_bytes(IMAGE)
    image = {"component": "bios", "version": "2.1", "file": "bios-2.1.bin", "sha256": hashlib.sha256(IMAGE).hexdigest()}
    bios = {"component": "bios", "members": {"id": "BIOS"}, "activation": "reboot", "oem": {"Preserve": True}}
    rules = [{"component": "bmc", "members": {"id": "BMC"}}, bios]
    plain = {
        "address": bmc.address,
        "insecure": True,
        "timeout": "4s",
        "poll": "50ms",
        "silent_for": "400ms",
        "images": {"folder": ".", "images": [image]},
        "models": [{"name": "odd", "components": rules} | (model or {})],
    }
    return RedfishMechanism(Redfish.model_validate(plain | credentials(folder) | changes), folder)


async def ended(redfish: RedfishMechanism, host: str, component: str, fence: "Fence | None" = None) -> DeviceTask:
    """The newest task of a component, once it runs no more."""
    deadline = time.monotonic() + 20
    while True:
        task = (await redfish.tasks(host, component, fence))[-1]
        if task.state is not TaskState.RUNNING:
            return task
        assert time.monotonic() < deadline, task
        await asyncio.sleep(0.1)


T = TypeVar("T")


async def until(read: Callable[[], Awaitable[T]], wanted: T, within: float = 15.0) -> T:
    """What is read, once it is the wanted, or in the end."""
    found = await read()
    for _ in range(int(within / 0.1)):
        if found == wanted:
            break
        await asyncio.sleep(0.1)
        found = await read()
    return found


async def version(redfish: RedfishMechanism, host: str, component: str) -> str:
    """One component's version."""
    return (await redfish.versions(host))[component]


class Fence:
    """A fence that counts, and closes after so many passes."""

    class Closed(Exception):
        """What it raises, as a stop does: no error of the tree."""

    def __init__(self, opens: int = 1000, then: Exception | None = None) -> None:
        self.passes, self._opens, self._then = 0, opens, then or Fence.Closed("stopped")

    async def __call__(self) -> None:
        if self.passes >= self._opens:
            raise self._then
        self.passes += 1
