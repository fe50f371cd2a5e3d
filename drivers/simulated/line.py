"""The simulated scheduler's line of jobs, as a reading of the whole cluster shows it."""

import json
import sqlite3
from datetime import UTC, datetime
from functools import lru_cache

from drivers.simulated import jobs, written
from drivers.simulated.tx import OURS, Tx
from fleet.ids import BORROW_JOB
from fleet.models.scheduler import Job, JobKind, JobState


def in_line(tx: Tx) -> dict[str, Job]:
    """Jobs that run or wait, by id, in the order they were submitted."""
    lent = {row["job"]: row["why"] for row in tx.all("SELECT job, why FROM borrowed JOIN job ON id = job")}
    on = written.on_jobs(tx)
    listed = tx.all("SELECT * FROM job ORDER BY id")
    return {str(r["id"]): _job(r, lent.get(r["id"]), on.get(r["id"]), _ends_by(tx, r)) for r in listed}


def _ends_by(tx: Tx, row: sqlite3.Row) -> datetime | None:
    """When a running job's work is done; None for one without an end."""
    if row["state"] != "running" or row["work"] >= jobs.ENDLESS:
        return None
    return datetime.fromtimestamp(tx.real(row["started"] + row["work"] - row["kept"]), UTC)


@lru_cache(maxsize=4096)
def _job(row: sqlite3.Row, borrowed_for: str | None, on: written.Written | None, ends_by: datetime | None) -> Job:
    """A job by its row: one that is as it was in the last reading is the very same object."""
    ours = borrowed_for is not None
    return Job(
        id=str(row["id"]),
        name=BORROW_JOB if ours else f"train-{row['id']}",
        user=OURS if ours else "sim",
        state=JobState.RUNNING if row["state"] == "running" else JobState.OTHER,
        kind=JobKind(row["kind"]),
        hosts=tuple(json.loads(row["hosts"])),
        restarts=row["restarts"],
        comment=borrowed_for or (on.comment if on else ""),
        note=on.note if on else "",
        ends_by=ends_by,
        ours=ours,
    )
