"""The simulated cluster's SQLite file: its tables, and what makes a file that of one cluster and not of another.

Whatever a file was made with that can't change under way (seed, hosts, topology, time scale) is compared when it is
opened again; everything else follows the fleet file.
"""

import json
import sqlite3
from functools import lru_cache
from itertools import chain
from pathlib import Path

from fleet.errors import InvalidInput
from fleet.hostlist import expand
from fleet.models.base import Fact
from fleet.models.drivers import SimulatedFault, SimulatedHardware, SimulatedJobs
from fleet.models.stack import Stack

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE host (
    name TEXT PRIMARY KEY, idx INTEGER NOT NULL, rack TEXT NOT NULL, nvlink TEXT NOT NULL, serial TEXT NOT NULL,
    drained INTEGER NOT NULL DEFAULT 0, reason TEXT, reason_by TEXT, comment TEXT, prior_comment TEXT,
    power TEXT NOT NULL DEFAULT 'up', responding INTEGER NOT NULL DEFAULT 1, left_down INTEGER NOT NULL DEFAULT 0,
    boot INTEGER NOT NULL DEFAULT 1, job INTEGER, versions TEXT NOT NULL, pending TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE TABLE task (
    id TEXT PRIMARY KEY, host TEXT NOT NULL, component TEXT NOT NULL, version TEXT NOT NULL, state TEXT NOT NULL,
    number INTEGER NOT NULL, started REAL NOT NULL, ends REAL NOT NULL, message TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX task_of_host ON task (host, state);
CREATE TABLE job (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL, pinned TEXT, work REAL NOT NULL,
    kept REAL NOT NULL DEFAULT 0, saved REAL NOT NULL DEFAULT 0, state TEXT NOT NULL, place REAL NOT NULL,
    started REAL, restarts INTEGER NOT NULL DEFAULT 0, hosts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX job_in_line ON job (state, place);
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL);
CREATE INDEX event_due ON event (at, id);
CREATE INDEX event_of ON event (kind, ref);
CREATE TABLE fault (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
    from_file INTEGER NOT NULL, cleared INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX fault_of_kind ON fault (kind, cleared);
CREATE TABLE counter (key TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, sim REAL NOT NULL, kind TEXT NOT NULL, host TEXT, job TEXT,
    detail TEXT NOT NULL
)
"""
LATER_TABLES = """
CREATE TABLE IF NOT EXISTS feature (
    host TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (host, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS borrowed (job INTEGER PRIMARY KEY, why TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS written (job INTEGER PRIMARY KEY, comment TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS closed (
    host TEXT NOT NULL, reservation TEXT NOT NULL, PRIMARY KEY (host, reservation)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS announced (
    host TEXT NOT NULL, reservation TEXT NOT NULL, begins REAL NOT NULL, ends REAL NOT NULL,
    PRIMARY KEY (host, reservation)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prepared (
    host TEXT NOT NULL, component TEXT NOT NULL, version TEXT NOT NULL, PRIMARY KEY (host, component, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended (
    number INTEGER PRIMARY KEY, job TEXT NOT NULL, run INTEGER NOT NULL, work TEXT NOT NULL, hosts TEXT NOT NULL,
    ending TEXT NOT NULL, failed_host TEXT
)
"""
"""Tables that files of earlier releases lack; they get them when they are opened."""
FIXED = ("seed", "hosts", "hosts_per_rack", "hosts_per_nvlink", "time_scale")


class WorldSettings(Fact):
    """What a simulated world is made of. `jobs` is None when another scheduler than the simulated one has the hosts."""

    hardware: SimulatedHardware
    stack: Stack
    jobs: SimulatedJobs | None = None


def host_names(options: SimulatedHardware, source: str) -> tuple[str, ...]:
    """Names of the simulated hosts. Raises `InvalidInput` for a bad or empty hostlist."""
    try:
        names = expand(options.hosts)
    except ValueError as error:
        raise InvalidInput(source, "hardware.hosts", f"expected a hostlist such as gpu[001-064]: {error}") from error
    if not names:
        raise InvalidInput(source, "hardware.hosts", "expected at least one host")
    return names


def model_of(options: SimulatedHardware, host: str) -> str | None:
    """A host's hardware model, where the fleet file tells it. Raises ValueError for a malformed hostlist."""
    return next((model for model, hostlist in options.models.items() if host in _named(hostlist)), None)


@lru_cache(maxsize=64)
def _named(hostlist: str) -> frozenset[str]:
    return frozenset(expand(hostlist))


def exists(db: sqlite3.Connection) -> bool:
    """True once the file's tables were made."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is not None


def create(db: sqlite3.Connection, settings: WorldSettings, source: str, epoch: float) -> None:
    """Make the tables and the hosts, at simulated second 0 = `epoch`. The caller holds the transaction."""
    for statement in TABLES.split(";"):
        db.execute(statement)
    options = settings.hardware
    db.execute("INSERT INTO meta VALUES ('settings', ?), ('epoch', ?)", (settings.model_dump_json(), repr(epoch)))
    installed = json.dumps(options.installed)
    names = host_names(options, source)
    db.executemany(
        "INSERT INTO host (name, idx, rack, nvlink, serial, versions) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                name,
                i,
                f"rack{i // options.hosts_per_rack + 1:03d}",
                f"nvl{i // options.hosts_per_nvlink + 1:03d}",
                f"SN-{name}",
                installed,
            )
            for i, name in enumerate(names)
        ],
    )
    born = {"hosts": list(names), "installed": dict(options.installed), "seed": options.seed}
    db.execute("INSERT INTO journal VALUES (1, ?, 0, 'created', NULL, NULL, ?)", (epoch, json.dumps(born)))


def complete(db: sqlite3.Connection) -> None:
    """Make the tables that a file of an earlier release lacks. The caller holds the transaction."""
    for statement in LATER_TABLES.split(";"):
        db.execute(statement)


def check_same(stored: WorldSettings, wanted: WorldSettings, path: Path) -> None:
    """Raises `InvalidInput` when the file is that of another cluster."""
    for field in FIXED:
        made, asked = getattr(stored.hardware, field), getattr(wanted.hardware, field)
        if made != asked:
            expected = f"expected {made!r}, which this file was made with, found {asked!r}; remove it to begin anew"
            raise InvalidInput(str(path), f"hardware.{field}", expected)


def load(db: sqlite3.Connection) -> tuple[WorldSettings, float]:
    """The settings in force and the epoch (seconds since 1970 at simulated second 0)."""
    rows = dict(db.execute("SELECT key, value FROM meta").fetchall())
    return WorldSettings.model_validate_json(rows["settings"]), float(rows["epoch"])


def sync_faults(db: sqlite3.Connection, faults: tuple[SimulatedFault, ...]) -> tuple[int, ...]:
    """Make the fleet file's faults be exactly these; ids of new ones. Those already there keep their counts."""
    wanted = [f.model_dump_json() for f in faults]
    have = [body for (body,) in db.execute("SELECT body FROM fault WHERE from_file = 1 ORDER BY id")]
    if wanted == have:
        return ()
    db.execute("DELETE FROM event WHERE kind = 'outsider_drain'")
    db.execute("DELETE FROM fault WHERE from_file = 1")
    rows = [(f.kind, body) for f, body in zip(faults, wanted, strict=True)]
    db.executemany("INSERT INTO fault (kind, body, from_file) VALUES (?, ?, 1)", rows)
    return tuple(chain.from_iterable(db.execute("SELECT id FROM fault WHERE from_file = 1")))
