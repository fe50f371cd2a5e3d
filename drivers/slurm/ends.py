"""How a job of Slurm's ended, by the words of its state.

Seen on 22.05.8: a job that is not to be requeued and loses a node is NODE_FAIL with all its nodes, and none of them is
named as the one that failed (newer versions have `failed_node`); one that is requeued shows no end, it waits again.
"""

from drivers.slurm.answers import Record
from fleet.ids import BORROW_JOB
from fleet.models.scheduler import Job, JobEnd, JobEnding

_BY_HOST = {"NODE_FAIL", "BOOT_FAIL"}
_IN_LINE = {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"}


def job_end(record: Record, job: Job) -> JobEnd | None:
    """The end of a job that holds nothing; None for one in line, one that never ran, and ours."""
    words = {word.strip().upper() for word in record.words("job_state")}
    if words & _IN_LINE or not job.hosts or job.name == BORROW_JOB:
        return None
    ending = _ending(words)
    return JobEnd(
        job=job.id,
        run=job.restarts,
        work=f"{job.user}/{job.name}" if job.user and job.name else "",
        hosts=job.hosts,
        ending=ending,
        failed_host=_failed_host(record, job) if ending is JobEnding.HOST_FAILED else None,
    )


def _ending(words: set[str]) -> JobEnding:
    if words & _BY_HOST:
        return JobEnding.HOST_FAILED
    if words == {"FAILED"}:
        return JobEnding.FAILED
    return JobEnding.PASSED if words == {"COMPLETED"} else JobEnding.OTHER


def _failed_host(record: Record, job: Job) -> str | None:
    named = record.text("failed_node") if record.has("failed_node") else ""
    if named:
        return named if named in job.hosts else None
    return job.hosts[0] if len(job.hosts) == 1 else None
