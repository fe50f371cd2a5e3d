"""`make slurm-demo` does what it promises, on a real Slurm."""

from pathlib import Path

import pytest

from starter.demo.slurm_daemons import installed
from tests.demos.running import run_demo
from tests.require import require


@pytest.mark.timeout(900)
def test_the_slurm_demo_upgrades_real_nodes_under_real_jobs_and_kills_none(tmp_path: Path) -> None:
    missing = installed()
    require("slurm", not missing, missing)

    report = run_demo(tmp_path, "slurm-demo", "--slurm")

    assert report["hosts"] == 16
    assert report["visited"] == 15
    assert report["handed_over"] == ["gpu014"]
    assert report["left_out"] == ["gpu007"]
    assert report["upgrades_applied"] == 2 * 14
    assert report["longest_gap_s"] <= 1.0
