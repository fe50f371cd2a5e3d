"""The real `health_checks` program of gpucm, on this machine: on the PATH, or where `MAINTRAIN_GPUCM` says."""

import os
import shutil
from pathlib import Path

import pytest

from drivers.verification import ToolVerifier
from fleet.models.verification import Category, Severity, Verdict, VerificationTask
from fleet.models.verifiers import ToolsVerifier
from tests.drivers.verification.baselines import MemoryBaselines
from tests.drivers.verification.local import LocalRemote
from tests.require import require

PROGRAM = os.environ.get("MAINTRAIN_GPUCM") or shutil.which("health_checks")


async def verify(tmp_path: Path, *checks: dict, program: Path | None = None):
    require(
        "gpucm", PROGRAM is not None, "no health_checks on the PATH, nor named by MAINTRAIN_GPUCM: pip install gpucm"
    )
    gpucm = {"kind": "gpucm", "program": [str(program or PROGRAM)], "log_folder": str(tmp_path), "checks": checks}
    options = ToolsVerifier.model_validate({"kind": "tools", "health": [gpucm]})
    verifier = ToolVerifier(options, LocalRemote(), MemoryBaselines(), "c1")
    return await verifier.verify(VerificationTask.HEALTH, "gpu001", (), pool="train")


def exists(path: Path) -> dict:
    return {"name": ["check-storage", "directory-exists"], "arguments": ["-d", str(path)], "category": "hardware"}


async def test_checks_that_say_ok_pass(tmp_path):
    found = await verify(tmp_path, exists(tmp_path), exists(tmp_path.parent))

    assert (Verdict.PASSED, ()) == (found.verdict, found.findings)


async def test_a_critical_check_fails_in_the_category_that_the_fleet_file_gives_it(tmp_path):
    found = await verify(tmp_path, exists(tmp_path), exists(tmp_path / "gone"))

    finding = found.findings[0]
    assert (Verdict.FAILED, Category.HARDWARE, Severity.ERROR, "gpucm") == (
        found.verdict,
        finding.category,
        finding.severity,
        finding.provider,
    )
    assert f"check-storage directory-exists: directory exists check. Directory {tmp_path}/gone not found." == (
        finding.summary
    )


@pytest.mark.parametrize(
    "check",
    [
        {"name": ["check-nvidia-smi"], "arguments": ["-c", "gpu_num", "--gpu_num", "1000"]},
        {"name": ["no-such-check"]},
    ],
)
async def test_a_check_that_can_not_look_is_inconclusive(tmp_path, check):
    assert Verdict.INCONCLUSIVE == (await verify(tmp_path, check)).verdict


async def test_a_program_that_is_not_there_is_inconclusive(tmp_path):
    found = await verify(tmp_path, exists(tmp_path), program=tmp_path / "health_checks")

    assert Verdict.INCONCLUSIVE == found.verdict
    assert "missing" in found.findings[0].summary
