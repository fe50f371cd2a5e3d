"""Hands on a simulated cluster for demos and tests: what people, jobs and accidents do to it, and its journal.

Synchronous, on the caller's thread; many processes may have their hands on one file.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.clock import wall
from drivers.simulated import closing, faults, happenings, jobs, machines, nodes, written
from drivers.simulated.schema import WorldSettings
from drivers.simulated.tx import Tx
from fleet.errors import Refused
from fleet.models.drivers import SimulatedFault
from fleet.models.scheduler import JobKind


@dataclass(frozen=True)
class JournalRow:
    """One change: `at` in seconds since 1970, `sim` in simulated seconds since the cluster began."""

    seq: int
    at: float
    sim: float
    kind: str
    host: str | None
    job: str | None
    detail: dict[str, Any]


class SimulatedCluster:
    """The cluster of one file. Raises `Refused` for unknown hosts, `Unreachable` when there is no such file."""

    def __init__(self, path: Path, settings: WorldSettings | None = None, clock: Callable[[], float] = wall) -> None:
        self._world = happenings.open_world(path, settings, clock)

    @classmethod
    def at(cls, path: Path) -> "SimulatedCluster":
        """The cluster whose file is there already."""
        return cls(path)

    def journal(self, since: int = 0) -> list[JournalRow]:
        """Every change after the one numbered `since`, up to now, in order."""
        rows = self._world.look(lambda tx: tx.all("SELECT * FROM journal WHERE seq > ? ORDER BY seq", since))
        return [JournalRow(**{**dict(r), "detail": json.loads(r["detail"])}) for r in rows]

    def hosts(self) -> tuple[str, ...]:
        """Names of the hosts, in the order of the fleet file."""
        return tuple(r["name"] for r in self._world.look(lambda tx: tx.all("SELECT name FROM host ORDER BY idx")))

    def submit_job(
        self,
        *,
        hosts: Sequence[str] | None = None,
        size: int = 1,
        kind: JobKind = JobKind.REQUEUEABLE,
        work: float = jobs.ENDLESS,
        comment: str = "",
    ) -> str:
        """Put a job in line, on exactly `hosts` or on any `size`, for `work` simulated seconds; its id."""

        def act(tx: Tx) -> int:
            number = jobs.submit(tx, kind, len(hosts) if hosts else size, work, hosts)
            written.write(tx, number, comment=comment)
            jobs.fill(tx)
            return number

        return str(self._world.change(act))

    def comment_job(self, job: str, comment: str) -> None:
        """The user of a job changes its comment."""
        self._world.change(lambda tx: written.write(tx, int(job), comment=comment))

    def end_job(self, job: str) -> None:
        """A job's work is done now."""
        self._world.change(lambda tx: jobs.finish(tx, job))

    def fail_job(self, job: str) -> None:
        """A job's own processes fail now."""
        self._world.change(lambda tx: jobs.fail(tx, int(job)))

    def hold_by_user(self, job: str) -> None:
        """The user of a job in line takes it from whoever holds it, and holds it."""
        self._world.change(lambda tx: closing.hold_by_user(tx, int(job)))

    def drain_by_other(self, host: str, reason: str) -> None:
        """Somebody else drains a host, whoever holds it."""
        self._world.change(lambda tx: nodes.put_drain(tx, host, reason, happenings.OUTSIDER))

    def undrain_by_other(self, host: str) -> None:
        """Somebody else lifts whatever drain is on a host."""
        self._world.change(lambda tx: happenings.outsider_undrain(tx, host))

    def kill_daemon(self, host: str) -> None:
        """The scheduler's daemon on a host dies; the host itself runs on."""
        why = "the scheduler's daemon died"
        self._world.change(lambda tx: nodes.set_down(tx, host, responding=False, left_down=False, why=why))

    def leave_down(self, host: str) -> None:
        """The scheduler leaves a node down as after a reboot that it did not expect."""
        why = "unexpected reboot"
        self._world.change(lambda tx: nodes.set_down(tx, host, responding=True, left_down=True, why=why))

    def set_comment(self, host: str, comment: str) -> None:
        """Somebody writes a comment on a node."""
        self._world.change(lambda tx: tx.run("UPDATE host SET comment = ? WHERE name = ?", comment, host))

    def set_features(self, host: str, names: Sequence[str]) -> None:
        """Somebody makes a node's features be these, whatever was there."""
        self._world.change(lambda tx: nodes.set_features(tx, host, tuple(names), happenings.OUTSIDER))

    def set_fault(self, fault: SimulatedFault) -> None:
        """One more fault from now on."""
        sql = "INSERT INTO fault (kind, body, from_file) VALUES (?, ?, 0)"
        self._world.change(lambda tx: happenings.plan(tx, tx.run(sql, fault.kind, fault.model_dump_json())))

    def clear_faults(self, host: str | None = None) -> None:
        """End the faults that name a host, or every fault."""
        self._world.change(lambda tx: faults.clear(tx, host))

    def repair_host(self, host: str) -> None:
        """A person mends a host: its own faults end, and it is up and answers. A drain on it stays."""

        def act(tx: Tx) -> None:
            faults.clear(tx, host)
            row = nodes.node(tx, host)
            if row["power"] == machines.LOST:
                machines.boot_done(tx, host)
            elif row["power"] != "up":
                raise Refused(f"{host} is {row['power']}")
            tx.record("host_repaired", host)
            if not row["responding"]:
                nodes.set_up(tx, host)

        self._world.change(act)

    def close(self) -> None:
        """Let go of the file."""
        self._world.close_now()
