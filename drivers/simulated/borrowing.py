"""A simulated host held for a moment by a job of ours, as an ordinary short job holds it."""

from drivers.simulated import jobs, nodes
from drivers.simulated.tx import Tx
from fleet.models.scheduler import JobKind


def borrow(tx: Tx, host: str, why: str, limit: float) -> int | None:
    """Start the job if it would start now; its number. `limit` is in real seconds."""
    nodes.node(tx, host)
    if tx.one(f"SELECT 1 FROM host WHERE name = ? AND {jobs.FREE}", host) is None:  # noqa: S608 - a constant
        return None
    number = jobs.submit(tx, JobKind.NOT_REQUEUEABLE, 1, limit * tx.settings.hardware.time_scale, (host,))
    tx.run("INSERT INTO borrowed (job, why) VALUES (?, ?)", number, why)
    jobs.start(tx, number, [host])
    return number
