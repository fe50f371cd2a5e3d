"""Notice to the jobs on a domain that is visited next: each job is told once for each visit to come, one that comes to
the domain after its notice too.
"""

import time
from collections.abc import Mapping

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.facts import TrainFacts
from fleet.models.train import DomainProgress, DomainState, VisitState


async def first_notice(deps: Deps, facts: TrainFacts, domain: str) -> None:
    """Note that the jobs on a domain of the open cycle are told, and tell them; neither where they are kept beyond a
    notice by now.

    Noted first: what a job answers while others have yet to be told is an answer to a notice then, so that all are told
    anew only where time for another one is left, and that counts. Who dies between the two leaves it to the next plan.
    """
    cycle, progress = facts.cycle, _progress(facts, domain)
    if cycle is None or progress is None:
        return
    told_by = await _told_by(deps, facts, progress)
    told_at = await deps.clock()
    await deps.store.noticed(facts.cluster, facts.pool.name, cycle.number, domain, told_at)
    noted = progress.model_copy(update={"state": DomainState.NOTICED, "noticed_at": told_at})
    await _tell(deps, facts, noted, told_by)


async def give_notice(deps: Deps, facts: TrainFacts, domain: str) -> None:
    """Tell the jobs on a domain of the open cycle that have yet to be told."""
    progress = _progress(facts, domain)
    if progress is not None:
        await _tell(deps, facts, progress, await _told_by(deps, facts, progress))


def _progress(facts: TrainFacts, domain: str) -> DomainProgress | None:
    return next((p for p in facts.cycle.domains if p.domain.name == domain), None) if facts.cycle else None


async def _told_by(deps: Deps, facts: TrainFacts, progress: DomainProgress) -> dict[str, str]:
    """Job on a domain: the pool's signal, or the one that it has asked for."""
    signal = facts.pool.drain.signal
    if signal is None and not await deps.store.names_signals(facts.cluster):
        return {}
    # A host that has another pool by now is not visited with its domain.
    hosts = {host.name for host in facts.hosts}.intersection(progress.domain.hosts)
    view = await deps.reach(facts.cluster).scheduler.view(not_before=time.monotonic())
    on_it = sorted(job.id for job in view.jobs.values() if job.holds and not job.ours and hosts & set(job.hosts))
    own = await deps.store.job_signals(facts.cluster, on_it)
    return {job: name for job in on_it if (name := own.get(job, signal)) is not None}


async def _tell(deps: Deps, facts: TrainFacts, progress: DomainProgress, told_by: Mapping[str, str]) -> None:
    """Send their signals to those of these jobs that have yet to be told of the visit.

    A job is claimed before it is told: a signal that came twice may cost it a checkpoint, and one that was lost leaves
    it no worse than a pool without a signal. So a scheduler that fails here is logged, and holds no train up.
    """
    if facts.cycle is None:
        return
    visit = (facts.cluster, facts.pool.name, facts.cycle.number, progress)
    # The scheduler takes its time to answer, and meanwhile jobs ask to be kept: their visit may be put off.
    jobs = await deps.store.claim_notices(*visit, told_by, await deps.clock())
    scheduler, domain = deps.reach(facts.cluster).scheduler, progress.domain.name
    for name in sorted({told_by[job] for job in jobs}):
        some = tuple(job for job in jobs if told_by[job] == name)
        try:
            await scheduler.signal_jobs(some, name)
        except DriverError as error:
            activity.logger.warning(f"jobs {', '.join(some)} on {domain} were perhaps not told by {name}: {error}")


async def tell_late_jobs(deps: Deps, facts: TrainFacts) -> None:
    """Give notice to jobs that came to a domain after the others were told, while it waits for its visit, or its visit
    for its hosts. It holds no train up.
    """
    cycle = facts.cycle
    for progress in cycle.domains if cycle is not None and cycle.closed_at is None else ():
        if not await _waits(deps, facts, progress):
            continue
        try:
            await give_notice(deps, facts, progress.domain.name)
        except DriverError as error:
            name = progress.domain.name
            activity.logger.warning(f"jobs that came to {name} of {facts.cluster} late are not told yet: {error}")


async def _waits(deps: Deps, facts: TrainFacts, progress: DomainProgress) -> bool:
    """Whether the jobs of a domain were told, and its hosts are still in production."""
    if progress.state is not DomainState.VISITING or progress.visit not in facts.open_visits:
        return progress.state is DomainState.NOTICED
    visit = await deps.store.visit(progress.visit)
    return visit is not None and visit.state is VisitState.WAITING
