"""Samples a Slurm cluster for the outside observer, with commands and parsing of its own.

It shares nothing with the driver or the store, so that it is wrong independently of them. Between two samples it
can only tell what Slurm shows at both: a drain that came and went within one interval is not seen.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drivers.clock import wall
from drivers.snapshot import Event, HostSeen, Snapshot
from fleet.hostlist import expand
from fleet.ids import REASON_PREFIX
from starter.demo.loopback_slurm import LoopbackSlurm

_NODE = re.compile(r"^NodeName=(?P<name>\S+) .*? State=(?P<state>\S+) (?:.* Reason=(?P<reason>.*?) \[\S+@\S+\])?")
_UP = {"IDLE", "ALLOCATED", "MIXED"}
_HOLDING = {"RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING"}
_ENDS = {"CANCELLED": "job_cancelled", "NODE_FAIL": "job_failed", "FAILED": "job_failed"}


@dataclass(frozen=True)
class _Job:
    state: str
    restarts: int
    hosts: tuple[str, ...]


class SlurmSampler:
    """Takes samples. `hardware_events` tells what happened to the hosts' hardware since it was last asked."""

    def __init__(self, slurm: LoopbackSlurm, hardware_events: Callable[[], tuple[Event, ...]] = tuple) -> None:
        self._slurm, self._hardware_events = slurm, hardware_events
        self._hosts: dict[str, HostSeen] = {}
        self._jobs: dict[str, _Job] = {}
        self._versions: dict[str, dict[str, str]] = {}
        self._later: tuple[Event, ...] = ()
        self._last: float | None = None
        self.samples = 0
        self.longest_gap = 0.0
        """Seconds between the two samples that were furthest apart."""

    def sample(self) -> Snapshot:
        """One snapshot, with what changed since the last. Raises RuntimeError when Slurm does not answer."""
        # Hardware first: what it did by now, it did to a host that was still drained when Slurm is asked below.
        happened = (*self._later, *self._hardware_events())
        for event in happened:
            if event.kind == "version_active" and event.host is not None:
                versions = self._versions.setdefault(event.host, {})
                versions[event.detail["component"]] = event.detail["version"]
        jobs = self._read_jobs()
        hosts = self._read_hosts(jobs)
        events = (*happened, *self._verified_meanwhile(), *self._drains(hosts), *self._interruptions(jobs))
        self._hosts, self._jobs = hosts, jobs
        self._note_gap()
        return Snapshot(wall(), hosts, events)

    def _verified_meanwhile(self) -> tuple[Event, ...]:
        """Verifications that passed while Slurm was read: a host may have returned by them already, and be seen so.

        All else that happened meanwhile belongs to the next sample, and so do verifications of hosts it happened to.
        """
        meanwhile = self._hardware_events()
        changed = {event.host for event in meanwhile if event.kind != "verified"}
        self._later = tuple(event for event in meanwhile if event.host in changed)
        return tuple(event for event in meanwhile if event.host not in changed)

    def _read_jobs(self) -> dict[str, _Job]:
        text = self._slurm.command("squeue", "-h", "-t", "all", "-O", "JobID:|,State:|,RestartCnt:|,NodeList:5000")
        jobs = {}
        for line in text.splitlines():
            number, state, restarts, nodes = line.split("|")
            jobs[number] = _Job(state, int(restarts), expand(nodes.strip()))
        return jobs

    def _read_hosts(self, jobs: dict[str, _Job]) -> dict[str, HostSeen]:
        hosts = {}
        for line in self._slurm.command("scontrol", "show", "node", "-o").splitlines():
            found = _NODE.match(line)
            if found is None:
                raise RuntimeError(f"expected a node of scontrol, found {line[:200]!r}")
            base, *flags = found["state"].split("+")
            name = found["name"]
            hosts[name] = HostSeen(
                down=base not in _UP or "NOT_RESPONDING" in flags,
                drained="DRAIN" in flags,
                reason=found["reason"],
                jobs=tuple(j for j, job in jobs.items() if job.state in _HOLDING and name in job.hosts),
                versions=dict(self._versions.get(name, {})),
            )
        return hosts

    def _drains(self, hosts: dict[str, HostSeen]) -> Iterator[Event]:
        """Slurm does not say who lifted a drain: in the demo nobody does but we, so every one is held against us."""
        for name, now in hosts.items():
            before = self._hosts.get(name, HostSeen())
            if now.drained and not before.drained:
                by = "maintrain" if _ours(now) else "other"
                yield Event("drained", name, detail={"by": by, "reason": now.reason})
            if before.drained and not now.drained:
                yield Event("undrained", name, detail={"by": "maintrain", "reason": before.reason})

    def _interruptions(self, jobs: dict[str, _Job]) -> Iterator[Event]:
        for number, now in jobs.items():
            before = self._jobs.get(number)
            if before is None or before.state not in _HOLDING:
                continue
            detail = {"by": self._by(before), "why": now.state, "hosts": before.hosts}
            if now.restarts > before.restarts:
                yield Event("job_requeued", None, number, detail)
            elif now.state in _ENDS:
                yield Event(_ENDS[now.state], None, number, detail)

    def _by(self, job: _Job) -> str:
        """Who ended a job, judged by its hosts: a dead node, us when one was under our drain, else somebody else."""
        seen = [self._hosts.get(host, HostSeen()) for host in job.hosts]
        if any(host.down for host in seen):
            return "node_fail"
        return "maintrain" if any(_ours(host) for host in seen) else "other"

    def _note_gap(self) -> None:
        now = time.monotonic()
        if self._last is not None:
            self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now
        self.samples += 1


def _ours(host: HostSeen) -> bool:
    return host.drained and (host.reason or "").startswith(REASON_PREFIX)
