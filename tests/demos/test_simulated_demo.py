"""`make demo` does what it promises."""

from pathlib import Path

import pytest

from tests.demos.running import run_demo


@pytest.mark.timeout(900)
def test_the_demo_offboards_the_bad_one_of_three_rollouts_and_ends_with_its_faults_where_they_belong(
    tmp_path: Path,
) -> None:
    report = run_demo(tmp_path, "demo")

    assert report["hosts"] == 80
    assert report["visited"] == 79
    assert report["handed_over"] == ["gpu006", "gpu038"]
    assert report["left_out"] == ["gpu053"]
    assert report["offboarded"] == ["gpu-driver 550.127.08"]
    # Of 77 hosts in production each carries both good versions, none the bad one.
    assert report["in_production"] == {
        "gpu-driver": {"550.90.07": 77},
        "kernel": {"6.8.0-48": 77},
        "nic-firmware": {"28.43.2026": 77},
    }
    assert report["taken_back"] >= 16
    # Whichever way a host got rid of it, each did, and its way is told; those that failed with it did so in repair.
    ways = report["taken_back_by"]
    assert set(report["still_on_offboarded"]) <= {"gpu006", "gpu038"}
    assert len({host for hosts in ways.values() for host in hosts}) >= 16
    assert ways["repair"]
    assert report["upgrades_applied"] >= 2 * 77 + 2 * report["taken_back"]
    assert report["jobs_interrupted"] > 0
