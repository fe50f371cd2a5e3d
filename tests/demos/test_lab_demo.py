"""`make lab-demo` does what it promises, on a real Slurm with SSH servers and BMCs behind its nodes."""

from pathlib import Path
from typing import Any

import pytest

from starter.demo.slurm_daemons import installed
from starter.fleetfile import read_fleet
from tests.demos.running import run_program
from tests.emulators.hosts.farm import sshd
from tests.lab.farms import BMC_USER
from tests.lab.fleetfile import EXAMPLE
from tests.require import require
from tests.scenarios.secret_search import files, forms_of_key, forms_of_login, search

DESIRED = read_fleet(EXAMPLE)[0].clusters[0].desired
OUT = {"gpu005", "gpu012", "gpu014", "gpu016"}
KEPT = {"temporal.db", "facts.db", "up.log", "report.json"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the one run that all these tests look at."""
    missing = installed()
    require("slurm", not missing, missing)
    require("sshd", sshd() is not None, "no OpenSSH server on this machine")
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def report(data: Path) -> dict[str, Any]:
    return run_program(data, "lab-demo", "tests.lab")


@pytest.mark.timeout(900)
def test_the_lab_brings_four_components_to_real_hosts_and_keeps_the_faulty_ones_out(report: dict[str, Any]) -> None:
    versions = report["versions"]

    assert report["hosts"] == 16
    assert report["visited"] == 15
    assert report["handed_over"] == ["gpu005", "gpu012", "gpu016"]
    assert report["left_out"] == ["gpu014"]
    assert dict.fromkeys(versions.keys() - OUT, DESIRED) == {h: v for h, v in versions.items() if h not in OUT}
    assert versions["gpu005"]["bmc"] == "1.0.0"
    assert report["upgrades_applied"] >= 12 * len(DESIRED)
    assert report["longest_gap_s"] <= 1.0


@pytest.mark.timeout(900)
def test_no_secret_of_the_lab_is_in_the_histories_the_store_or_a_log(report: dict[str, Any], data: Path) -> None:
    folder = data / "lab-demo"
    password = (folder / "secrets" / "bmc-password").read_text().strip()
    secrets = forms_of_login(BMC_USER, password) | forms_of_key((folder / "hosts" / "client").read_text())
    # The farms' own folders hold the secrets by their nature.
    kept = [(name, text) for name, text in files(folder) if Path(name).parts[0] not in ("hosts", "bmcs", "secrets")]

    assert {(name, "a host") for name in KEPT} <= search(kept, {"a host": b"gpu012"})
    assert set() == search(kept, secrets)
