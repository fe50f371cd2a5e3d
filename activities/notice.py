"""Notice to the jobs on a domain that is visited next: each job is told once for each visit to come."""

import time

from temporalio import activity

from activities.deps import Deps, now
from fleet import ids
from fleet.errors import DriverError
from fleet.models.facts import TrainFacts


async def give_notice(deps: Deps, facts: TrainFacts, domain: str) -> None:
    """Send the pool's signal, or the one that a job has asked for, to the jobs on a domain of the open cycle.

    A job is claimed before it is told: a signal that came twice may cost it a checkpoint, and one that was lost leaves
    it no worse than a pool without a signal. So a scheduler that fails here is logged, and holds no train up.
    """
    signal = facts.pool.drain.signal
    progress = next((p for p in facts.cycle.domains if p.domain.name == domain), None) if facts.cycle else None
    if facts.cycle is None or progress is None:
        return
    own = await deps.store.job_signals(facts.cluster)
    if signal is None and not own:
        return
    scheduler, hosts = deps.reach(facts.cluster).scheduler, set(progress.domain.hosts)
    view = await scheduler.view(not_before=time.monotonic())
    on_it = sorted(job.id for job in view.jobs.values() if job.holds and not job.ours and hosts & set(job.hosts))
    told_by = {job: name for job in on_it if (name := own.get(job, signal)) is not None}
    occasion = f"{ids.notices(facts.cluster, facts.pool.name, facts.cycle.number, domain)}/{progress.attempts}"
    jobs = [job for job in told_by if await deps.store.first_time(f"{occasion}/{job}", now())]
    for name in sorted({told_by[job] for job in jobs}):
        some = tuple(job for job in jobs if told_by[job] == name)
        try:
            await scheduler.signal_jobs(some, name)
        except DriverError as error:
            activity.logger.warning(f"jobs {', '.join(some)} on {domain} were perhaps not told by {name}: {error}")
