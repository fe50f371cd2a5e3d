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
    """As the scheduler had its nodes, all causes counted."""
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
    def drain_s(self) -> float:
        """Of all its visits, until their hosts were free of jobs."""
        return sum(v.emptied - v.began for v in self.visits)

    @property
    def between_s(self) -> float:
        """Mean time from the end of a visit to the next one's first drain."""
        return fmean(b.began - a.ended for a, b in zip(self.visits, self.visits[1:], strict=False))


def cycle(rows: Sequence[JournalRow], members: Sequence[str], since: float, until: float, domain: int) -> Cycle:
    """The cycle whose drains and returns lie between two times."""
    out: dict[str, float] = {}
    spans: dict[int, list[tuple[str, float, float]]] = {}
    changes: list[tuple[float, int]] = []
    interrupted, lost = 0, 0.0
    place = {name: n // domain for n, name in enumerate(members)}
    within = [row for row in rows if since <= row.at <= until]
    for row in within:
        if row.kind == "drained" and row.detail["reason"].startswith(PLANNED) and row.host and row.host not in out:
            out[row.host] = row.at
            changes.append((row.at, 1))
        elif row.kind == "undrained" and row.host in out:
            assert row.host is not None
            spans.setdefault(place[row.host], []).append((row.host, out.pop(row.host), row.at))
            changes.append((row.at, -1))
        elif row.kind == "job_requeued":
            interrupted += 1
            lost += row.detail["lost"] * len(row.detail["hosts"])
    visits = sorted((_visit(s, within) for s in spans.values()), key=lambda v: v.began)
    most, host_s, planned, last = 0, 0.0, 0, visits[0].began
    for at, change in sorted(changes):
        host_s += planned * (at - last)
        planned, last = planned + change, at
        most = max(most, planned)
    took = visits[-1].ended - visits[0].began
    hosts = sum(len(s) for s in spans.values())
    least = least_up(rows, members, since, until)
    return Cycle(tuple(visits), hosts, least, most, len(members) - host_s / took, interrupted, lost)


def least_up(rows: Sequence[JournalRow], members: Sequence[str], since: float, until: float) -> int:
    """The fewest hosts that the scheduler had up at one time, by what it said of each node whenever that changed: up is
    neither down nor drained, whoever drained it and why.
    """
    away: set[str] = set()
    mine, least = set(members), len(members)
    for row in rows:
        if row.at > until:
            break
        if row.at >= since:
            least = min(least, len(members) - len(away))
        now = row.detail.get("now")
        if row.host in mine and now is not None:
            (away.add if now["down"] or now["drained"] else away.discard)(row.host)
    return min(least, len(members) - len(away))


def _visit(spans: Sequence[tuple[str, float, float]], rows: Sequence[JournalRow]) -> Visit:
    """`emptied`: when the last job had left that was on a host of the domain when it was drained."""
    began, ended = min(a for _, a, _ in spans), max(b for _, _, b in spans)
    return Visit(began, max([began, *(at for span in spans for at in _left(span, rows))]), ended)


def _left(span: tuple[str, float, float], rows: Sequence[JournalRow]) -> list[float]:
    """When jobs left a host between its drain and its first flash; what runs there later is part of the work."""
    host, drained, returned = span
    flashes = [r.at for r in rows if r.kind == "flash_started" and r.host == host and drained <= r.at <= returned]
    works = min(flashes, default=returned)
    return [r.at for r in rows if r.kind in _ENDS and drained <= r.at <= works and host in r.detail["hosts"]]


_ENDS = ("job_ended", "job_requeued", "job_cancelled", "job_failed")
