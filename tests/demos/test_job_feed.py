"""The jobs that the demos on Slurm keep coming, and which bad ends of jobs are held against Maintrain."""

from starter.demo.loopback_slurm import LoopbackSlurm
from starter.demo.slurm_load import JobFeed
from tests.drivers.slurm.waiting import until
from tests.parts.slurm import slurm, slurm_session

__all__ = ["slurm", "slurm_session"]


async def test_only_jobs_of_its_own_that_were_cancelled_are_held_against_us(slurm: LoopbackSlurm) -> None:
    feed = JobFeed(slurm)
    feed.look()
    mine = slurm.command("squeue", "-h", "-o", "%i").split()
    assert mine
    # As Maintrain holds an idle node for a test, and gives it back.
    borrowed = slurm.submit(1, 600, requeue=False)
    assert [] == feed.killed()

    slurm.command("scancel", mine[0], borrowed)
    await until(lambda: {mine[0], borrowed} <= _cancelled(slurm))

    assert [(mine[0], "CANCELLED")] == feed.killed()


def _cancelled(slurm: LoopbackSlurm) -> set[str]:
    listed = slurm.command("squeue", "-h", "-t", "all", "-o", "%i|%T").split()
    return {job for job, _, state in (line.partition("|") for line in listed) if state == "CANCELLED"}
