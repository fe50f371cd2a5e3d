"""`make demo` does what it promises."""

from pathlib import Path

import pytest

from tests.demos.running import run_demo


@pytest.mark.timeout(900)
def test_the_demo_carries_64_hosts_through_a_cycle_and_ends_with_its_faults_where_they_belong(tmp_path: Path) -> None:
    report = run_demo(tmp_path, "demo")

    assert report["hosts"] == 64
    assert report["visited"] == 63
    assert report["handed_over"] == ["gpu019", "gpu038"]
    assert report["left_out"] == ["gpu053"]
    assert report["upgrades_applied"] == 2 * 63 - 1
    assert report["jobs_interrupted"] > 0
