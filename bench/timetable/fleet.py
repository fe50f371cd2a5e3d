"""A fleet as a timetable sees it: domains with hosts, gangs that come, run, are interrupted and go. Coarse on purpose:
hosts of a domain are a number, and the scheduler is first come, first served with backfilling, packed by domain.
"""

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from simulation.job import Workload

BACKFILL = 50
"""Jobs in line that are tried when the first does not fit."""


@dataclass
class Running:
    """A gang on its hosts."""

    job: int
    began: float
    ends: float
    run: int
    touched: NDArray[np.int64]
    taken: NDArray[np.int64]
    """Hosts in each domain it touches."""


@dataclass
class Fleet:
    """Times in seconds."""

    domains: int
    size: int
    work: Workload
    now: float = 0.0
    running: dict[int, Running] = field(default_factory=dict)
    changed: list[tuple[int, bool]] = field(default_factory=list)
    """Jobs that began (True) or left since somebody looked."""
    lost_host_hours: float = 0.0
    interruptions: int = 0
    used_host_seconds: float = 0.0

    def __post_init__(self) -> None:
        """An empty fleet; the work fills it."""
        self.free = np.full(self.domains, self.size, np.int64)
        self.closed = -1
        self.left = self.work.run_s.astype(float).copy()
        self.line: deque[int] = deque()
        self._arrived, self._runs = 0, np.zeros(len(self.work), np.int64)
        self._ends: list[tuple[float, int, int]] = []

    def go_to(self, time: float) -> None:
        """Let everything happen until a moment."""
        while True:
            arrival = self.work.submit_s[self._arrived] if self._arrived < len(self.work) else np.inf
            end = self._ends[0][0] if self._ends else np.inf
            following = min(arrival, end)
            if following > time:
                break
            self.now = float(following)
            if arrival <= end:
                self.line.append(self._arrived)
                self._arrived += 1
                if len(self.line) > 1:
                    continue
            else:
                _, job, run = heappop(self._ends)
                if job not in self.running or self.running[job].run != run:
                    continue
                self._leave(job)
            self._fill()
        self.now = time

    def close(self, domain: int, grace: float) -> None:
        """Visit a domain: who still runs there after `grace` is interrupted."""
        self.closed = domain
        self.go_to(self.now + grace)
        for job in [j for j, r in self.running.items() if domain in r.touched]:
            self._interrupt(job)
        self._fill()

    def open(self) -> None:
        """The visit is over."""
        self.closed = -1
        self._fill()

    def _interrupt(self, job: int) -> None:
        """Work since the last checkpoint is done again, after a restart."""
        was = self.running[job]
        every, restart = float(self.work.checkpoint_s[job]), float(self.work.restart_s[job])
        ran = self.now - was.began
        lost = ran % every if every else 0.0
        self.left[job] = was.ends - self.now + lost + restart
        self.lost_host_hours += int(self.work.hosts[job]) * (lost + restart) / 3600
        self.interruptions += 1
        self._leave(job)
        self.line.appendleft(job)

    def _leave(self, job: int) -> None:
        was = self.running.pop(job)
        self.free[was.touched] += was.taken
        self.used_host_seconds += int(self.work.hosts[job]) * (self.now - was.began)
        self.changed.append((job, False))

    def _fill(self) -> None:
        waiting, tried = deque[int](), 0
        room = self._room()
        while self.line and tried < BACKFILL:
            job = self.line.popleft()
            if int(self.work.hosts[job]) > room.sum():
                waiting.append(job)
                tried += 1
                continue
            self._start(job, room)
            room = self._room()
        self.line.extendleft(reversed(waiting))

    def _room(self) -> NDArray[np.int64]:
        room = self.free.copy()
        if self.closed >= 0:
            room[self.closed] = 0
        return room

    def _start(self, job: int, room: NDArray[np.int64]) -> None:
        """The domain it fills best; a gang larger than any has the emptiest ones, so that it touches few."""
        hosts = int(self.work.hosts[job])
        fits = np.where(room >= hosts, room, self.size + 1)
        best = int(fits.argmin())
        if fits[best] <= self.size:
            touched, taken = np.array([best]), np.array([hosts])
        else:
            order = np.argsort(-room, kind="stable")
            filled = np.cumsum(room[order])
            count = int(np.searchsorted(filled, hosts)) + 1
            touched, taken = order[:count], room[order[:count]].copy()
            taken[-1] -= int(filled[count - 1]) - hosts
        self.free[touched] -= taken
        self._runs[job] += 1
        ends = self.now + float(self.left[job])
        self.running[job] = Running(job, self.now, ends, int(self._runs[job]), touched, taken)
        heappush(self._ends, (ends, job, int(self._runs[job])))
        self.changed.append((job, True))
