"""One transaction on the simulated world."""

import json
import math
import random
import sqlite3

from drivers.simulated.schema import WorldSettings

OURS = "maintrain"
"""Who did it, in the journal, when it came through the driver; and the user of our own jobs."""


class Tx:
    """One transaction at one simulated instant (`sim`, seconds since the epoch of the world)."""

    def __init__(self, db: sqlite3.Connection, settings: WorldSettings, epoch: float, sim: float) -> None:
        self._db, self.settings, self._epoch, self.sim = db, settings, epoch, sim

    def one(self, sql: str, *args: object) -> sqlite3.Row | None:
        """First row, or None."""
        row: sqlite3.Row | None = self._db.execute(sql, args).fetchone()
        return row

    def all(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """Every row."""
        return self._db.execute(sql, args).fetchall()

    def run(self, sql: str, *args: object) -> int:
        """Change rows; the id of the last row inserted."""
        return self._db.execute(sql, args).lastrowid or 0

    def record(self, kind: str, host: str | None = None, job: int | None = None, **detail: object) -> None:
        """Write one change to the journal, at this instant."""
        at = self.real(self.sim)
        self.run(
            "INSERT INTO journal (at, sim, kind, host, job, detail) VALUES (?, ?, ?, ?, ?, ?)",
            *(at, self.sim, kind, host, None if job is None else str(job), json.dumps(detail)),
        )

    def real(self, sim: float) -> float:
        """A simulated instant as seconds of the real epoch."""
        return self._epoch + sim / self.settings.hardware.time_scale

    def count(self, key: str) -> int:
        """How many times `key` was counted, this time included: occasions are numbered, so draws can be repeated."""
        row = self.one("INSERT INTO counter VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = n + 1 RETURNING n", key)
        assert row is not None
        return int(row[0])

    def draw(self, key: str) -> random.Random:
        """The random numbers of `key`: the same for the same seed, whatever happened before."""
        return random.Random(f"{self.settings.hardware.seed}:{key}")  # noqa: S311 - a simulation, no secret

    def spread(self, seconds: float, key: str) -> float:
        """A duration of about `seconds`, drawn for `key`."""
        sigma = self.settings.hardware.spread
        return seconds * math.exp(self.draw(key).gauss(0, sigma)) if seconds and sigma else seconds

    def later(self, seconds: float, kind: str, ref: str) -> None:
        """Let something happen `seconds` from this instant."""
        self.run("INSERT INTO event (at, kind, ref) VALUES (?, ?, ?)", self.sim + seconds, kind, ref)

    def forget(self, kind: str, ref: str) -> None:
        """What was to happen happens no more."""
        self.run("DELETE FROM event WHERE kind = ? AND ref = ?", kind, ref)
