"""A farm of BMCs for the module: each test takes a host of its own, whose faults are told here."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.drivers.redfish.oddbmc import OddBmc
from tests.emulators.bmc.spec import Effect, Fault, FaultKind, Hardware, Member, hgx_members
from tests.emulators.bmc.starting import Farm, start_farm

FAULTS = {
    "slow-answers": {"kind": FaultKind.HUNG},
    "silent": {"kind": FaultKind.SILENT},
    "malformed": {"kind": FaultKind.MALFORMED, "path": "FirmwareInventory"},
    "denied": {"kind": FaultKind.WRONG_CREDENTIALS},
    "impostor": {"kind": FaultKind.CERTIFICATE_CHANGED},
    "bad-monitor": {"kind": FaultKind.BAD_MONITOR},
    "vanishes": {"kind": FaultKind.VANISHES, "delay": "1s"},
    "dies": {"kind": FaultKind.DIES, "delay": "500ms"},
    "unchanged": {"kind": FaultKind.UNCHANGED},
    "partial": {"kind": FaultKind.PARTIAL},
    "fails": {"kind": FaultKind.FAILS},
    "forgets": {"kind": FaultKind.FORGETS_TASKS},
    "busy-once": {"kind": FaultKind.BUSY, "times": 1},
}
SOUND = tuple(f"gpu{number:02}" for number in range(1, 21))


def hardware() -> Hardware:
    """The farm's hosts: the emulator's own make, with an FPGA that needs a reset of the BMC."""
    fpga = Member(id="FPGA_0", component="fpga", version="3.0", effect=Effect.MANAGER_RESET, name="FPGA of the tray")
    quick = (Member.model_validate(m.model_dump() | {"flash": "400ms"}) for m in (*hgx_members()[1:], fpga))
    return Hardware(members=(hgx_members()[0], *quick), manager_boot=timedelta(milliseconds=500))


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """The farm."""
    faults = [Fault.model_validate({"hosts": (host,), **fault}) for host, fault in FAULTS.items()]
    folder: Path = tmp_path_factory.mktemp("farm")
    with start_farm(folder, [*SOUND, *FAULTS], faults=faults, hardware=hardware()) as farm:
        yield farm


@pytest.fixture
def bmc() -> Iterator[OddBmc]:
    """A BMC whose resources and answers the test writes."""
    with OddBmc() as bmc:
        yield bmc
