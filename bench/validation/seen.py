"""What a journal of the simulated cluster shows of a train's cycle: the same figures that the simulator gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from drivers.simulated.cluster import JournalRow

PLANNED = "maintrain:planned:"


@dataclass(frozen=True)
class Visit:
    """A domain, from its first drain to its last return, seconds since 1970."""

    began: float
    emptied: float
    """The last of its jobs had left."""
    ended: float


@dataclass(frozen=True)
class Cycle:
    """One cycle as it was seen."""

    visits: tuple[Visit, ...]
    hosts: int
    least_up: int
    most_planned: int
    mean_up: float
    interrupted: int
    lost_host_s: float
    """Work of interrupted jobs since their last checkpoints, times their hosts."""

    @property
    def took_s(self) -> float:
        """From its first drain to its last return."""
        return self.visits[-1].ended - self.visits[0].began

    @property
    def work_s(self) -> list[float]:
        """Of each visit, from the moment its hosts were free of jobs."""
        return [v.ended - v.emptied for v in self.visits]

    @property
    def between_s(self) -> float:
        """Mean time from the end of a visit to the next one's first drain."""
        return fmean(b.began - a.ended for a, b in zip(self.visits, self.visits[1:], strict=False))


def cycle(rows: Sequence[JournalRow], members: Sequence[str], since: float, until: float, domain: int) -> Cycle:
    """The cycle whose drains and returns lie between two times."""
    out: dict[str, float] = {}
    spans: dict[int, list[tuple[float, float]]] = {}
    changes: list[tuple[float, int]] = []
    interrupted, lost = 0, 0.0
    left: list[float] = []
    place = {name: n // domain for n, name in enumerate(members)}
    for row in rows:
        if not since <= row.at <= until:
            continue
        if row.kind == "drained" and row.detail["reason"].startswith(PLANNED) and row.host and row.host not in out:
            out[row.host] = row.at
            changes.append((row.at, 1))
        elif row.kind == "undrained" and row.host in out:
            assert row.host is not None
            spans.setdefault(place[row.host], []).append((out.pop(row.host), row.at))
            changes.append((row.at, -1))
        elif row.kind == "job_requeued":
            interrupted += 1
            lost += row.detail["lost"] * len(row.detail["hosts"])
            left.append(row.at)
        elif row.kind == "job_ended":
            left.append(row.at)
    visits = sorted((_visit(s, rows, left) for s in spans.values()), key=lambda v: v.began)
    most, host_s, planned, last = 0, 0.0, 0, visits[0].began
    for at, change in sorted(changes):
        host_s += planned * (at - last)
        planned, last = planned + change, at
        most = max(most, planned)
    took = visits[-1].ended - visits[0].began
    hosts = sum(len(s) for s in spans.values())
    return Cycle(tuple(visits), hosts, len(members) - most, most, len(members) - host_s / took, interrupted, lost)


def _visit(spans: Sequence[tuple[float, float]], rows: Sequence[JournalRow], left: Sequence[float]) -> Visit:
    began, ended = min(a for a, _ in spans), max(b for _, b in spans)
    flashes = [r.at for r in rows if r.kind == "flash_started" and began <= r.at <= ended]
    first_work = min(flashes, default=ended)
    emptied = max((at for at in left if began <= at <= first_work), default=began)
    return Visit(began, emptied, ended)
