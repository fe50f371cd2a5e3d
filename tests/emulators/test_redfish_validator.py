"""DMTF's own service validator finds no fail in a BMC of the farm.

Its schemas are data for tests that the repository does not hold: `MAINTRAIN_REDFISH_CSDL` names their archive,
or it lies in `shared/data` beside the repository; else conftest.py leaves this file out.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.emulators.bmc import Fault, FaultKind, start_farm
from tests.emulators.bmc.client import Client
from tests.require import require

VARIABLE = "MAINTRAIN_REDFISH_CSDL"
BESIDE = Path(__file__).parents[3] / "shared/data/redfish-csdl.tar.gz"
TOTALS = re.compile(r"\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|")


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    named = os.environ.get(VARIABLE)
    archive = Path(named) if named else BESIDE
    require("redfish-csdl", archive.exists(), f"{archive}, which {VARIABLE} names, does not exist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    return next(tmp_path.rglob("ServiceRoot_v1.xml")).parent


@pytest.fixture
def validator() -> str:
    beside = Path(sys.executable).with_name("rf_service_validator")
    found = str(beside) if beside.exists() else shutil.which("rf_service_validator")
    require("redfish-service-validator", found is not None, "the program rf_service_validator is not installed")
    return str(found)


def test_the_validator_finds_no_fail(tmp_path: Path, schemas: Path, validator: str) -> None:
    faults = [Fault(kind=FaultKind.FAILS, components=("nic-firmware",))]
    with start_farm(tmp_path / "farm", ["gpu000"], faults=faults) as farm:
        bmc = Client(farm, "gpu000")
        bmc.update(farm.image("bios", "2.2.0").as_uri(), **{"@Redfish.OperationApplyTime": "OnReset"})
        bmc.update(farm.image("nic-firmware", "29").as_uri())
        assert "Exception" == bmc.ended(2)["TaskState"]
        bmc.update(farm.image("gpu-vbios", "97.0").as_uri())
        assert "Completed" == bmc.ended(3)["TaskState"]
        command = [validator, "--user", farm.spec.user, "--password", farm.spec.password]
        command += ["--rhost", farm.address("gpu000"), "--logdir", str(tmp_path / "report")]
        command += ["--schema_directory", str(schemas), "--skipschema"]
        run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)

    totals = TOTALS.search(run.stdout)
    assert totals is not None, run.stdout[-3000:] + run.stderr
    passed, _, failed, _ = map(int, totals.groups())
    assert 0 == failed, run.stdout[-6000:]
    assert passed > 400, run.stdout[-3000:]  # it went through the whole tree
    for number in (1, 2, 3):
        assert f"/redfish/v1/TaskService/Tasks/{number}..." in run.stdout
