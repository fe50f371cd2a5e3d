"""Waiting for what a real Slurm shows a moment later, and readings of it that do not go through the driver."""

import asyncio
import json
import time
from collections.abc import Callable

from starter.demo.loopback_slurm import LoopbackSlurm


async def until(holds: Callable[[], bool], within: float = 20.0, every: float = 0.05) -> None:
    """Return once `holds`, asked in a thread; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(every)


async def call(cluster: LoopbackSlurm, *argv: str) -> str:
    """A Slurm command, as an administrator types it."""
    return await asyncio.to_thread(cluster.command, *argv)


def jobs(cluster: LoopbackSlurm) -> dict[str, dict[str, object]]:
    """squeue's records by job id."""
    return {str(job["job_id"]): job for job in json.loads(cluster.command("squeue", "--json"))["jobs"]}


def state_of(cluster: LoopbackSlurm, job: str) -> str:
    """A job's state word; `GONE` when Slurm does not list it."""
    return str(jobs(cluster).get(job, {}).get("job_state", "GONE"))


async def running(cluster: LoopbackSlurm, nodes: int | str, **options: object) -> str:
    """Submit a job and return its id once it runs and its batch shell is up."""
    job = await asyncio.to_thread(lambda: cluster.submit(nodes, 600, **options))  # type: ignore[arg-type]
    await until(lambda: state_of(cluster, job) == "RUNNING" and cluster.script_runs(job))
    return job


async def compact_state(cluster: LoopbackSlurm, node: str) -> str:
    """sinfo's compact state of a node, such as `drng` or `down*`."""
    return (await asyncio.to_thread(cluster.states))[node]


async def shown_down(cluster: LoopbackSlurm, node: str) -> None:
    """Return once Slurm shows the node as down and not responding."""

    def down() -> bool:
        text = cluster.command("scontrol", "show", "node", node)
        return "State=DOWN" in text and "NOT_RESPONDING" in text

    await until(down, within=30)
