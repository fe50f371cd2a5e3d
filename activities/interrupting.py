"""Jobs that we ended before their own end, as reports count them."""

import time
from collections.abc import Collection, Iterable, Sequence

from activities.acting import Acting
from activities.deps import Deps
from fleet.models.host import Host
from fleet.models.report import Interruption
from fleet.models.scheduler import Job
from fleet.policy.draining import went
from fleet.ports.scheduler import Scheduler


async def note_interrupted(acting: Acting, verb: str, jobs: Iterable[Job]) -> None:
    """Note runs of jobs that a drain ended, by the host whose turn it was; a gang counts whole."""
    order, now = acting.order, await acting.deps.clock()
    await acting.deps.store.record_interruptions(
        Interruption(
            cluster=order.cluster,
            pool=order.pool,
            job=job.id,
            restarts=job.restarts,
            at=now,
            verb=verb,
            hosts=len(job.hosts),
            operation=order.operation,
        )
        for job in jobs
    )


async def note_held(deps: Deps, switch: str, members: Collection[Host], jobs: Iterable[Job]) -> None:
    """Note runs of jobs that were requeued and held for a pin switch, by the pool of their first member."""
    pool_of, now = {host.name: host.pool for host in members}, await deps.clock()
    cluster = next(iter(members)).cluster
    await deps.store.record_interruptions(
        Interruption(
            cluster=cluster,
            pool=next(pool_of[host] for host in job.hosts if host in pool_of),
            job=job.id,
            restarts=job.restarts,
            at=now,
            verb="requeued and held",
            hosts=len(job.hosts),
            operation=switch,
        )
        for job in jobs
    )


async def ended_all_the_same(scheduler: Scheduler, jobs: Sequence[Job]) -> list[Job]:
    """Those of the jobs that a scheduler ended though it refused to end another that was asked for with them."""
    view = await scheduler.view(not_before=time.monotonic())
    return [job for job in jobs if went(job, view.jobs.get(job.id))]
