"""How runs of simulated jobs ended. Like other schedulers the simulated one remembers the last ends only."""

import json
import sqlite3

from drivers.simulated.tx import Tx
from fleet.models.scheduler import JobEnd, JobEnding

REMEMBERED = 200
"""Ends that are kept."""


def note(tx: Tx, job: sqlite3.Row, ending: JobEnding, failed_host: str | None = None) -> None:
    """The run of a job has ended; nothing for one that did not run, or that only held a borrowed host."""
    if job["state"] != "running" or tx.one("SELECT 1 FROM borrowed WHERE job = ?", job["id"]) is not None:
        return
    number = tx.run(
        "INSERT INTO ended (job, run, work, hosts, ending, failed_host) VALUES (?, ?, ?, ?, ?, ?)",
        *(str(job["id"]), job["restarts"], f"sim/train-{job['size']}", job["hosts"], ending.value, failed_host),
    )
    tx.run("DELETE FROM ended WHERE number <= ?", number - REMEMBERED)


def remembered(tx: Tx) -> tuple[JobEnd, ...]:
    """The last ends, oldest first."""
    return tuple(
        JobEnd(
            job=row["job"],
            run=row["run"],
            work=row["work"],
            hosts=tuple(json.loads(row["hosts"])),
            ending=JobEnding(row["ending"]),
            failed_host=row["failed_host"],
        )
        for row in tx.all("SELECT * FROM ended ORDER BY number")
    )
