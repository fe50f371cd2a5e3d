"""The simulated world: one SQLite file that many processes share, and the clock that moves it.

No daemon runs it. Every access first processes what came due since the last one, in order and at its exact simulated
instant, so the world is the same however often and by whomever it is looked at.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drivers.clock import wall
from drivers.simulated import schema
from drivers.simulated.schema import WorldSettings
from drivers.simulated.tx import Tx
from fleet.errors import MaintrainError, Unreachable

T = TypeVar("T")
GLANCE_TIMEOUT = 0.1
"""Real seconds for which a glance may hold up its event loop."""
BUSY_TIMEOUT = 30.0
"""Real seconds to wait for another process's transaction before the world counts as unreachable."""

EVENTS_AT_ONCE = 2000
"""Events that one transaction processes: a world that nobody looked at for days must not lock others out."""


@dataclass(frozen=True)
class Script:
    """What happens in the world: `begin` when it is made or its settings change (with the ids of new faults), and a
    handler for each kind of event, called with the event's `ref`.
    """

    begin: Callable[[Tx, tuple[int, ...]], None]
    handlers: Mapping[str, Callable[[Tx, str], None]]


class World:
    """A handle on the file. `change` and `look` are for threads, `changing` and `looking` for event loops.

    Raises `InvalidInput` when the file is that of another cluster, `Unreachable` when it stays locked.
    """

    def __init__(
        self, path: Path, script: Script, settings: WorldSettings | None, clock: Callable[[], float] = wall
    ) -> None:
        self.path, self._script, self._clock = path, script, clock
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulated")
        self._users = 1
        self._db: sqlite3.Connection | None = None
        self._glance: sqlite3.Connection | None = None
        self._wanted = settings
        self._settings: WorldSettings | None = None
        self._epoch = 0.0

    def attach(self) -> "World":
        """One more user; the file is let go of when every user has closed."""
        self._users += 1
        return self

    async def changing(self, act: Callable[[Tx], T]) -> T:
        """`change` on the world's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.change, act)

    async def looking(self, read: Callable[[Tx], T], faults: Sequence[str] = ()) -> T:
        """`look` on the world's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.look, read, faults)

    async def glancing(self, read: Callable[[Tx], T], faults: Sequence[str] = ()) -> T:
        """`look` at a few rows, on the event loop: a hop to the thread costs more. On the thread all the same when the
        world has to be changed first.
        """
        await asyncio.sleep(0)  # who looks again and again must not keep others from running
        if self._glance is None:
            self._glance = await self.looking(lambda _: self._connect(GLANCE_TIMEOUT))
        try:
            if not self._anything_due(self._glance, faults):
                return self._snapshot(self._glance, read)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"simulated cluster {self.path}: {error}") from error
        return await self.changing(read)

    async def close(self) -> None:
        """One user less."""
        self._users -= 1
        if self._users == 0:
            await asyncio.get_running_loop().run_in_executor(self._executor, self.close_now)
            self._executor.shutdown(wait=False)

    def close_now(self) -> None:
        """Close the file, from the thread that uses it."""
        for db in (self._db, self._glance):
            if db is not None:
                db.close()
        self._db = self._glance = None

    def look(self, read: Callable[[Tx], T], faults: Sequence[str] = ()) -> T:
        """Read the world as of now, without a lock unless something came due or one of `faults` may show itself."""
        db = self._open()
        try:
            return self.change(read) if self._anything_due(db, faults) else self._snapshot(db, read)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"simulated cluster {self.path}: {error}") from error

    def _anything_due(self, db: sqlite3.Connection, faults: Sequence[str]) -> bool:
        """True when something came due, or one of `faults` may show itself, which is counted."""
        due = db.execute("SELECT at FROM event ORDER BY at, id LIMIT 1").fetchone()
        if due is not None and due[0] <= self._now(db):
            return True
        marks = ",".join("?" * len(faults))
        sql = f"SELECT 1 FROM fault WHERE cleared = 0 AND kind IN ({marks}) LIMIT 1"  # noqa: S608 - only marks
        return bool(faults) and db.execute(sql, tuple(faults)).fetchone() is not None

    def _snapshot(self, db: sqlite3.Connection, read: Callable[[Tx], T]) -> T:
        db.execute("BEGIN")
        try:
            return read(Tx(db, self._loaded(), self._epoch, self._now(db)))
        finally:
            db.execute("ROLLBACK")

    def change(self, act: Callable[[Tx], T]) -> T:
        """Bring the world to now, act on it, and keep both. What `act` refuses must be refused before it changes
        anything: a `MaintrainError` keeps what was written so far (an occasion on which a fault showed).
        """
        db = self._open()
        try:
            while True:
                with self._transaction(db) as tx:
                    if self._advance(tx):
                        answer = act(tx)
                        self._advance(tx)
                        return answer
        except sqlite3.OperationalError as error:
            raise Unreachable(f"simulated cluster {self.path}: {error}") from error

    @contextmanager
    def _transaction(self, db: sqlite3.Connection) -> Iterator[Tx]:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield Tx(db, self._loaded(), self._epoch, self._now(db))
        except MaintrainError:
            db.execute("COMMIT")
            raise
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _advance(self, tx: Tx) -> bool:
        """Process what came due, oldest first; False when there is more than one transaction should hold."""
        now = tx.sim
        for _ in range(EVENTS_AT_ONCE):
            event = tx.one("SELECT id, at, kind, ref FROM event WHERE at <= ? ORDER BY at, id LIMIT 1", now)
            if event is None:
                tx.sim = now
                return True
            tx.run("DELETE FROM event WHERE id = ?", event["id"])
            tx.sim = event["at"]
            self._script.handlers[event["kind"]](tx, event["ref"])
        return False

    def _now(self, db: sqlite3.Connection) -> float:
        """Simulated seconds; never before what the journal already tells, should the wall clock be set back."""
        sim = (self._clock() - self._epoch) * self._loaded().hardware.time_scale
        (last,) = db.execute("SELECT sim FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return max(sim, float(last))

    def _loaded(self) -> WorldSettings:
        assert self._settings is not None
        return self._settings

    def _open(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = self._connect()
        try:
            _use_wal(db)
            self._prepare(db)
        except sqlite3.DatabaseError as error:
            db.close()
            raise Unreachable(f"simulated cluster {self.path}: {error}") from error
        except BaseException:
            db.close()
            raise
        self._db = db
        return self._db

    def _connect(self, busy: float = BUSY_TIMEOUT) -> sqlite3.Connection:
        # One thread at a time uses a connection, not always the one that made it.
        db = sqlite3.connect(self.path, timeout=busy, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Make the file, or check that it is ours and bring its settings up to date. One process at a time."""
        db.execute("BEGIN IMMEDIATE")
        try:
            if new := not schema.exists(db):
                if self._wanted is None:
                    raise Unreachable(f"{self.path} is not the file of a simulated cluster")
                schema.create(db, self._wanted, str(self.path), self._clock())
            schema.complete(db)
            stored, self._epoch = schema.load(db)
            self._settings = self._wanted or stored
            schema.check_same(stored, self._settings, self.path)
            faults = schema.sync_faults(db, self._settings.hardware.faults)
            if new or faults or stored != self._settings:
                db.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (self._settings.model_dump_json(),))
                self._script.begin(Tx(db, self._settings, self._epoch, self._now(db)), faults)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def _use_wal(db: sqlite3.Connection) -> None:
    """WAL lets readers pass a writer. Two processes that switch a new file at once get "locked" without waiting."""
    # A simulation loses nothing that matters to a power cut, so nothing waits for the disk.
    db.execute("PRAGMA synchronous = OFF")
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
