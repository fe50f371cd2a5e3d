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
_LEAST_LIMIT_S = 3600.0


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
    first_start: float = math.inf
    """When the first of them started, as submissions are told; inf where the file does not tell."""
    left_out: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    _users: dict[str, int] = field(default_factory=dict)

    def user(self, name: str) -> int:
        """A number for a user's name."""
        return self._users.setdefault(name, len(self._users))

    def of_part(self, hosts: int, used: float, per_host: int, run_s: float, what: str = "GPUs") -> float:
        """The run of a job that uses less of its hosts than they have: its share of the time, for the work is what
        fills a fleet, and others share the hosts with it.
        """
        if not 0 < used < hosts * per_host:
            return run_s
        self.told[
            f"used a part of their hosts ({per_host} {what} each): told as whole ones for that share of time"
        ] += 1
        return run_s * used / (hosts * per_host)

    def limit(self, told_s: float, run_s: float) -> float:
        """What the scheduler was told of a run. One without a limit is told as the jobs that are made up are: without
        any limits a scheduler can't say when a gang will find room, and small jobs pass it for ever.
        """
        if told_s < math.inf:
            return max(told_s, run_s)
        self.told["had no time limit: told with twice their run, an hour at least"] += 1
        return max(2 * run_s, _LEAST_LIMIT_S)

    def done(self) -> Imported:
        """The workload, beginning with the first start, else with the first submission. What was submitted before waits
        from then on. Raises InvalidInput where no job is left.
        """
        if not self.jobs:
            notes = (*_told("left out", self.left_out), *_told("of the jobs", self.told))
            raise InvalidInput(self.source, "", f"holds no job that ran; {'; '.join(notes) or 'it is empty'}")
        submit, hosts, run, limits, kind, user = zip(*self.jobs, strict=True)
        first = self.first_start if self.first_start < math.inf else min(submit)
        limit = [self.limit(told, lasts) for told, lasts in zip(limits, run, strict=True)]
        notes = (*_told("left out", self.left_out), *_told("of the jobs", self.told))
        workload = Workload.of(
            submit_s=[max(0.0, s - first) for s in submit],
            hosts=hosts,
            run_s=run,
            limit_s=limit,
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
