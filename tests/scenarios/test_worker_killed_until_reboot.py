"""The worker is killed at every step of a host's visit, before and after each effect: drain, each apply, the boot."""

from pathlib import Path

from tests.scenarios.killing import cycle_with_kills

POINTS = (
    "gpu001@drain:before",
    "gpu001@drain:after",
    "gpu001@apply-nic-firmware:before",
    "gpu002@apply-nic-firmware:after",
    "gpu002@apply-gpu-driver:after",
    "gpu001@boot_id:after",
)


def test_a_worker_killed_in_drain_and_applies_changes_nothing_twice_and_loses_no_host(tmp_path: Path) -> None:
    cycle_with_kills(tmp_path, POINTS)
