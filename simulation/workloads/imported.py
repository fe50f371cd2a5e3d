"""What every importer shares: the rows of a file, what was left out of them and why, and complaints that name the
place.

A row that can't be read ends the import with its file, line, field and what was expected. A row that is no job that
ran (a step, a job that never started) is left out and counted.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet.errors import InvalidInput
from simulation.job import Kind, Workload

_MOST = 2**31 - 1
"""Of anything that a file counts: hosts, processors, seconds."""


@dataclass(frozen=True)
class Imported:
    """A workload and what became of its file's rows."""

    workload: Workload
    notes: tuple[str, ...]
    """What was left out or told differently, with counts, in words."""


@dataclass
class Rows:
    """Jobs as they are read."""

    source: str
    gpus_per_host: int
    jobs: list[tuple[float, int, float, float, Kind, int]] = field(default_factory=list)
    """Submit (s since 1970 or the log's beginning), hosts, run, limit (s), kind, user."""
    left_out: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    _users: dict[str, int] = field(default_factory=dict)

    def user(self, name: str) -> int:
        """A number for a user's name."""
        return self._users.setdefault(name, len(self._users))

    def of_gpus(self, hosts: int, gpus: int, run_s: float) -> float:
        """The run of a job that needs fewer GPUs than its one host has: its share of the time, for the work is what
        fills a fleet, and others share the host with it.
        """
        if hosts != 1 or not 0 < gpus < self.gpus_per_host:
            return run_s
        self.told[f"used less than a host ({self.gpus_per_host} GPUs): told as a host for that share of the time"] += 1
        return run_s * gpus / self.gpus_per_host

    def done(self) -> Imported:
        """The workload, beginning with the first submission. Raises InvalidInput where no job is left."""
        notes = (*_told("left out", self.left_out), *_told("of the jobs", self.told))
        if not self.jobs:
            raise InvalidInput(self.source, "", f"holds no job that ran; {'; '.join(notes) or 'it is empty'}")
        submit, hosts, run, limit, kind, user = zip(*self.jobs, strict=True)
        first = min(submit)
        workload = Workload.of(
            submit_s=[s - first for s in submit],
            hosts=hosts,
            run_s=run,
            limit_s=[max(a, b) for a, b in zip(limit, run, strict=True)],
            kind=[int(k) for k in kind],
            user=user,
        )
        return Imported(workload, notes)


def _told(what: str, counted: Mapping[str, int]) -> list[str]:
    return [f"{what}, {count}: {why}" for why, count in counted.items()]


def whole(text: str, source: str, line: int, name: str, least: int = 0) -> int:
    """A whole number, or InvalidInput with the place."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= _MOST:
        raise complaint(source, line, name, f"a whole number of at least {least}", text[:40])
    return value


def number(text: str, source: str, line: int, name: str, least: float = 0.0) -> float:
    """A finite number, or InvalidInput with the place."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= _MOST:  # which no nan is
        raise complaint(source, line, name, f"a number of at least {least:g}", text[:40])
    return value


def complaint(source: str, line: int, name: str, expected: str, found: str) -> InvalidInput:
    """The error for one field of one line."""
    return InvalidInput(f"{source}:{line}", name, f"expected {expected}, found {found!r}")
