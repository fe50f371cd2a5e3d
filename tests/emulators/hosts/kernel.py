"""What the running kernel of a host tells in its /proc."""

from collections.abc import Mapping
from pathlib import Path

_DRIVER = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Thu Feb 22 01:44:30 UTC 2024
GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)
"""


def write_kernel(root: Path, state: Mapping[str, Mapping[str, str]]) -> None:
    """Write the driver's version and the kernel's release, as of this boot."""
    (root / "proc/driver/nvidia").mkdir(parents=True, exist_ok=True)
    (root / "proc/driver/nvidia/version").write_text(_DRIVER.format(driver=state["running"]["driver"]))
    (root / "proc/sys/kernel/osrelease").write_text(f"{state['running']['kernel']}\n")
