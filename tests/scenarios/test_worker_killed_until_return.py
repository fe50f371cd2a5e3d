"""The worker is killed at every step of a host's visit, before and after each effect: reboot, verify, gate, return."""

from pathlib import Path

from tests.scenarios.killing import cycle_with_kills

POINTS = (
    "gpu001@reboot:before",
    "gpu002@reboot:after",
    "gpu003@versions:after",
    "gpu001@verify-health:after",
    "gpu002@verify-fabric:before",
    "gpu001@undrain:before",
    "gpu002@undrain:after",
    # It must be seen running to fire, so in the domain where nothing else kills.
    "gpu004@apply-nic-firmware:during",
)


def test_a_worker_killed_from_reboot_to_return_changes_nothing_twice_and_loses_no_host(tmp_path: Path) -> None:
    cycle_with_kills(tmp_path, POINTS)
