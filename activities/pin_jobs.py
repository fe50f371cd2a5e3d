"""The jobs that run when a pin switch closes their cluster: who they are, their notice, who is requeued and held, and
their release.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from temporalio import activity

from activities import pin_pages
from activities.deps import Deps, now
from activities.interrupting import ended_all_the_same, note_held
from fleet import ids
from fleet.errors import DriverError, InvalidInput, Refused, Unreachable
from fleet.models.base import Moment
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.pin import JobsFate, PinChange, PinSwitch
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.policy.pin_orders import pin_entry
from fleet.ports.fence import Fence, open_fence


def on_members(view: ClusterView, members: Collection[Host]) -> list[Job]:
    """Jobs that hold a member, by id."""
    names = {host.name for host in members}
    return sorted((j for j in view.jobs.values() if j.holds and names & set(j.hosts)), key=lambda job: job.id)


def to_requeue(switch: PinSwitch, cluster: Cluster, jobs: Sequence[Job], closed_for: timedelta) -> tuple[str, ...]:
    """Jobs that are requeued now and held: those that may be, once the longest drain deadline has passed."""
    if switch.spec.jobs is not JobsFate.REQUEUE or closed_for < max(p.drain.deadline for p in cluster.pools):
        return ()
    fit = (j for j in jobs if j.kind is JobKind.REQUEUEABLE and j.state is not JobState.COMPLETING and not j.ours)
    return tuple(job.id for job in fit)


async def note_to_hold(deps: Deps, switch: PinSwitch, jobs: Sequence[str], actor: str, at: Moment) -> None:
    """Note jobs that are about to be requeued and held, beside those that any attempt has noted meanwhile."""

    def change(before: PinSwitch) -> PinChange:
        new = [job for job in jobs if job not in before.held_jobs]
        if (before.state, before.ask) != (switch.state, switch.ask) or not new:
            return PinChange(switch=before)
        after = before.model_copy(update={"held_jobs": (*before.held_jobs, *new), "changed_at": at})
        return PinChange(switch=after, audit=pin_entry(before, "requeue", actor, f"jobs {', '.join(new)} are held", at))

    await deps.store.change_pin_switch(switch.id, change)


async def hold_jobs(
    deps: Deps, switch: PinSwitch, members: Collection[Host], jobs: Sequence[Job], fence: Fence
) -> None:
    """Requeue jobs, to be held, and count whom that interrupted: also where one of them can't be, and runs on."""
    scheduler = deps.reach(switch.spec.cluster).scheduler
    try:
        await scheduler.requeue_held(tuple(job.id for job in jobs), fence)
    except Refused:
        await note_held(deps, switch.id, members, await ended_all_the_same(scheduler, jobs))
        raise
    await note_held(deps, switch.id, members, jobs)


async def tell_jobs(
    deps: Deps, switch: PinSwitch, cluster: Cluster, members: Collection[Host], jobs: Sequence[Job]
) -> None:
    """Send each job the signal that it has asked for, or that of a pool it runs in, where there is one, once for each
    time that the switch comes: what a job saved days ago, for a closing that did not come, is of no use to it.

    A job is claimed before it is told; a scheduler that fails here is logged and holds nothing up.
    """
    pool_of = {host.name: host.pool for host in members}
    told: dict[str, list[str]] = {}
    # Not for each grant: one that is asked for anew follows the last by seconds.
    coming = ids.request(switch.id, switch.checks)
    # Another signal than the one that it handles would end it.
    asked = await deps.store.job_signals(cluster.name, [job.id for job in jobs])
    for job in jobs:
        pools = (cluster.pool(pool_of[host]) for host in job.hosts if host in pool_of)
        signal = asked.get(job.id) or next((p.drain.signal for p in pools if p is not None and p.drain.signal), None)
        if signal and not job.ours and await deps.store.first_time(f"notice/{coming}/{job.id}", now()):
            told.setdefault(signal, []).append(job.id)
    for signal, chosen in told.items():
        try:
            await deps.reach(cluster.name).scheduler.signal_jobs(tuple(chosen), signal)
        except DriverError as error:
            activity.logger.warning(f"jobs {', '.join(chosen)} were perhaps not told by {signal}: {error}")


async def release_jobs(deps: Deps, switch: PinSwitch) -> None:
    """Release the jobs that are held for a switch whose cluster is open, each for itself.

    One that can't be released is paged, and tried again at the next look, as are all when nobody answers. After the
    last look there is none: `Unreachable` has that one tried again.
    """
    # No fence: a cluster that was opened is not closed by the same switch again, and releasing twice is harmless.
    scheduler, released = deps.reach(switch.spec.cluster).scheduler, set[str]()
    silent: Unreachable | None = None
    for job in switch.held_jobs:
        try:
            await scheduler.release_held((job,), open_fence)
        except Unreachable as error:
            activity.logger.warning(f"the jobs of {switch.id} are released later: {error}")
            silent = error
            break
        except (DriverError, InvalidInput) as error:
            await deps.page(pin_pages.not_released(switch, job, error))
        else:
            released.add(job)

    def change(before: PinSwitch) -> PinChange:
        left = tuple(job for job in before.held_jobs if job not in released)
        return PinChange(switch=before.model_copy(update={"held_jobs": left}))

    if released:
        await deps.store.change_pin_switch(switch.id, change)
    if silent is not None and switch.over:
        raise silent
