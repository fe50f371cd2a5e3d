"""Replays the simulated cluster's journal: one snapshot a change, exact, from the first to the last."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from drivers.simulated.cluster import JournalRow, SimulatedCluster
from drivers.snapshot import Event, HostSeen, Snapshot

CLOSED, OPENED = "closed_to_jobs", "opened_to_jobs"
JOB_LEAVES = ("job_ended", "job_requeued", "job_cancelled", "job_failed")


class JournalReplay:
    """Follows a journal: `more` yields what was written since it was last asked."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster, self._seq = cluster, 0
        self._hosts: dict[str, HostSeen] = {}

    def more(self) -> Iterator[Snapshot]:
        """Snapshots not yet seen. Raises `Unreachable` when the file can't be read."""
        for row in self._cluster.journal(self._seq):
            self._seq = row.seq
            changed = self._apply(row)
            event = Event(row.kind, row.host, row.job, row.detail)
            yield Snapshot(row.at, self._hosts, (event,), frozenset(changed))

    def _apply(self, row: JournalRow) -> tuple[str, ...]:
        """Names of the hosts that the change changed."""
        hosts, detail = self._hosts, row.detail
        if row.kind == "created":
            hosts.update({name: HostSeen(versions=dict(detail["installed"])) for name in detail["hosts"]})
            return tuple(hosts)
        if row.kind == "job_started" or row.kind in JOB_LEAVES:
            assert row.job is not None
            jobs = (row.job,) if row.kind == "job_started" else ()
            for name in detail["hosts"]:
                hosts[name] = replace(hosts[name], jobs=jobs)
            return tuple(detail["hosts"])
        if row.kind in (CLOSED, OPENED):
            its = {detail["reservation"]}
            for name in detail["hosts"]:
                before = hosts[name].closed
                hosts[name] = replace(hosts[name], closed=before | its if row.kind == CLOSED else before - its)
            return tuple(detail["hosts"])
        if row.host is None:
            return ()
        seen = hosts[row.host]
        if row.kind == "version_active":
            hosts[row.host] = replace(seen, versions={**seen.versions, detail["component"]: detail["version"]})
        elif "now" in detail:
            hosts[row.host] = replace(seen, **detail["now"])
        else:
            return ()
        return (row.host,)


def replay(path: Path) -> Iterator[Snapshot]:
    """Every change of the simulated cluster in `path`, up to now."""
    cluster = SimulatedCluster.at(path)
    try:
        yield from JournalReplay(cluster).more()
    finally:
        cluster.close()
