"""A plugin scheduler without jobs but our own, whose drains lie in one SQLite file, shared with the test."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet.errors import BadAnswer, ForeignHold, Refused
from fleet.hostlist import expand
from fleet.ids import BORROW_JOB, FEATURE_PREFIX, REASON_PREFIX, reservation
from fleet.models.scheduler import ClusterView, Job, JobKind, JobRun, JobState, Node, NodeBase
from fleet.ports.fence import Fence

Options = dict[str, str | int | float | bool]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS drain (host TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS feature (host TEXT, name TEXT NOT NULL, PRIMARY KEY (host, name));
CREATE TABLE IF NOT EXISTS closed (host TEXT, name TEXT, PRIMARY KEY (host, name));
CREATE TABLE IF NOT EXISTS borrowed (job INTEGER PRIMARY KEY, host TEXT NOT NULL, why TEXT NOT NULL, until REAL);
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, at REAL NOT NULL, host TEXT, what TEXT, reason TEXT);
"""


class DrainFile:
    """The file: who is drained and why, and everything that happened to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.open() as db:
            for statement in _SCHEMA.strip().splitlines():
                db.execute(statement)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes."""
        db = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        finally:
            db.close()

    def drains(self) -> dict[str, str]:
        """Reason by drained host."""
        with self.open() as db:
            return dict(db.execute("SELECT host, reason FROM drain"))

    def publish(self, host: str, features: tuple[str, ...]) -> None:
        """Make our features of a host be exactly these."""
        with self.open() as db:
            db.execute("DELETE FROM feature WHERE host = ? AND name LIKE ?", (host, f"{FEATURE_PREFIX}%"))
            db.executemany("INSERT INTO feature VALUES (?, ?)", [(host, name) for name in features])

    def features(self) -> dict[str, tuple[str, ...]]:
        """Features by host."""
        found: dict[str, tuple[str, ...]] = {}
        with self.open() as db:
            for host, name in db.execute("SELECT host, name FROM feature ORDER BY host, name"):
                found[host] = (*found.get(host, ()), name)
        return found

    def close(self, hosts: tuple[str, ...], name: str) -> None:
        """No job starts on these hosts."""
        with self.open() as db:
            db.executemany("INSERT OR IGNORE INTO closed VALUES (?, ?)", [(host, name) for host in hosts])

    def open_again(self, name: str) -> None:
        """What was closed under a name is open."""
        with self.open() as db:
            db.execute("DELETE FROM closed WHERE name = ?", (name,))

    def closed(self) -> dict[str, str]:
        """Reservation by closed host."""
        with self.open() as db:
            return dict(db.execute("SELECT host, MIN(name) FROM closed GROUP BY host"))

    def borrowed(self) -> dict[str, Job]:
        """Our jobs whose time is not up, by id."""
        with self.open() as db:
            rows = db.execute("SELECT job, host, why FROM borrowed WHERE until > ?", (time.monotonic(),))
            return {str(job): _borrowed(str(job), host, why) for job, host, why in rows}

    def borrow(self, host: str, why: str, limit: float) -> str | None:
        """Hold a host that nobody holds."""
        with self.open() as db:
            now = time.monotonic()
            held = (
                "SELECT 1 FROM drain WHERE host = ? UNION SELECT 1 FROM borrowed WHERE host = ? AND until > ?"
                " UNION SELECT 1 FROM closed WHERE host = ?"
            )
            if db.execute(held, (host, host, now, host)).fetchone() is not None:
                return None
            db.execute("INSERT INTO journal (at, host, what, reason) VALUES (?, ?, 'borrowed', ?)", (now, host, why))
            row = (host, why, now + limit)
            return str(db.execute("INSERT INTO borrowed (host, why, until) VALUES (?, ?, ?)", row).lastrowid)

    def give_back(self, job: str) -> None:
        """Our job ends."""
        with self.open() as db:
            db.execute("UPDATE borrowed SET until = 0 WHERE job = ?", (int(job),))

    def journal(self, what: str) -> list[tuple[str, str]]:
        """Host and reason of each happening of that kind, oldest first."""
        with self.open() as db:
            return list(db.execute("SELECT host, reason FROM journal WHERE what = ? ORDER BY seq", (what,)))

    def change(self, host: str, owned: str, reason: str | None, *, undrained_too: bool) -> None:
        """Set our reason, or lift the drain for None. Raises `ForeignHold` unless ours, `owned` if named, is on it."""
        with self.open() as db:
            now = db.execute("SELECT reason FROM drain WHERE host = ?", (host,)).fetchone()
            if now is None and not undrained_too:
                return
            if now is not None and (not now[0].startswith(REASON_PREFIX) or (owned and now[0] != owned)):
                raise ForeignHold(host, now[0])
            db.execute("DELETE FROM drain WHERE host = ?", (host,))
            if reason is not None:
                db.execute("INSERT INTO drain VALUES (?, ?)", (host, reason))
            what = "undrained" if reason is None else "drained" if now is None else "rewritten"
            row = (time.monotonic(), host, what, reason or owned)
            db.execute("INSERT INTO journal (at, host, what, reason) VALUES (?, ?, ?, ?)", row)

    def replace(self, host: str, found: str, reason: str) -> None:
        """Set another reason on a drained host. Raises `ForeignHold` unless `found` is on it, `Refused` if none is."""
        with self.open() as db:
            now = db.execute("SELECT reason FROM drain WHERE host = ?", (host,)).fetchone()
            if now is None:
                raise Refused(f"{host} is not drained")
            if now[0] not in (found, reason):
                raise ForeignHold(host, now[0])
            db.execute("UPDATE drain SET reason = ? WHERE host = ?", (reason, host))


def _borrowed(job: str, host: str, why: str) -> Job:
    kind, state = JobKind.NOT_REQUEUEABLE, JobState.RUNNING
    return Job(id=job, name=BORROW_JOB, state=state, kind=kind, hosts=(host,), comment=why, ours=True)


class FiledScheduler:
    """The port over the file."""

    def __init__(self, hosts: tuple[str, ...], file: DrainFile) -> None:
        self._hosts, self._file = hosts, file

    async def view(self, not_before: float = 0.0) -> ClusterView:
        began = time.monotonic()
        drains, features, jobs = self._file.drains(), self._file.features(), self._file.borrowed()
        closed = self._file.closed()
        lent = {host for job in jobs.values() for host in job.hosts}
        nodes = {
            name: Node(
                name=name,
                base=NodeBase.ALLOCATED if name in lent else NodeBase.IDLE,
                draining=name in drains,
                reason=drains.get(name),
                reservation=closed.get(name),
                maintenance=name in closed,
                rack="r1",
                features=features.get(name, ()),
                active_features=features.get(name, ()),
            )
            for name in self._hosts
        }
        return ClusterView(began=began, nodes=nodes, jobs=jobs)

    async def drain(self, host: str, reason: str, fence: Fence) -> None:
        self._known(host)
        await fence()
        self._file.change(host, "", reason, undrained_too=True)

    async def rewrite_reason(self, host: str, owned: str, reason: str, fence: Fence) -> None:
        self._known(host)
        await fence()
        carried_out = self._file.drains().get(host) == reason
        self._file.change(host, reason if carried_out else owned, reason, undrained_too=True)

    async def replace_hold(self, host: str, found: str, reason: str, fence: Fence) -> None:
        self._known(host)
        await fence()
        self._file.replace(host, found, reason)

    async def undrain(self, host: str, owned: str, fence: Fence, *, rebooted: bool) -> None:
        self._known(host)
        await fence()
        self._file.change(host, owned, None, undrained_too=False)
        if host in self._file.drains():
            raise BadAnswer(f"{host} is drained again")

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        self._no(jobs)

    async def requeue(self, jobs: tuple[str, ...], fence: Fence) -> None:
        self._no(jobs)

    async def cancel(self, jobs: tuple[str, ...], fence: Fence) -> None:
        self._no(jobs)

    async def requeue_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        self._no(jobs)

    async def release_held(self, jobs: tuple[str, ...], fence: Fence) -> None:
        self._no(jobs)

    async def close_to_jobs(self, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
        for host in hosts:
            self._known(host)
        await fence()
        self._file.close(hosts, reservation(name))

    async def open_to_jobs(self, name: str, fence: Fence) -> None:
        await fence()
        self._file.open_again(reservation(name))

    async def note_on_job(self, job: str, note: str) -> None:
        raise Refused(f"there are no jobs here, nor {job}")

    async def publish_features(self, host: str, features: tuple[str, ...], fence: Fence) -> None:
        self._known(host)
        await fence()
        self._file.publish(host, features)

    async def job_run(self, job: str) -> JobRun:
        raise Refused(f"there are no jobs here, nor {job}")

    async def borrow(self, host: str, why: str, limit: float, fence: Fence) -> str | None:
        self._known(host)
        await fence()
        return self._file.borrow(host, why, limit)

    async def give_back(self, job: str) -> None:
        self._file.give_back(job)

    async def close(self) -> None:
        """Nothing stays open."""

    def _known(self, host: str) -> None:
        if host not in self._hosts:
            raise Refused(f"{host} is not a node here")

    def _no(self, jobs: tuple[str, ...]) -> None:
        if jobs:
            raise Refused(f"there are no jobs here, nor {', '.join(jobs)}")


def scheduler(options: Options, data: Path) -> FiledScheduler:
    """Factory of `drivers.scheduler`: `hosts` is a hostlist, `file` a path."""
    return FiledScheduler(expand(str(options["hosts"])), DrainFile(data / str(options["file"])))
