"""The runs of simulated jobs, read back from the journal, which is the simulated cluster's accounting."""

import json
from datetime import UTC, datetime

from drivers.simulated.tx import Tx
from fleet.errors import Refused
from fleet.models.scheduler import JobRun

_ENDS = "('job_ended', 'job_cancelled', 'job_failed', 'job_requeued')"


def last_run(tx: Tx, job: str) -> JobRun:
    """The last run of a job. Raises `Refused` for one that never started."""
    began = tx.one("SELECT * FROM journal WHERE job = ? AND kind = 'job_started' ORDER BY seq DESC LIMIT 1", job)
    if began is None:
        raise Refused(f"no job {job} has run on the simulated cluster")
    later = f"SELECT * FROM journal WHERE job = ? AND seq > ? AND kind IN {_ENDS} ORDER BY seq LIMIT 1"  # noqa: S608
    ended = tx.one(later, job, began["seq"])
    return JobRun(
        id=job,
        hosts=tuple(json.loads(began["detail"])["hosts"]),
        started=datetime.fromtimestamp(began["at"], UTC),
        ended=datetime.fromtimestamp(ended["at"], UTC) if ended is not None else None,
        source="scheduler" if ended is None else "accounting",
    )
