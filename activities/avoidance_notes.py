"""What jobs read on themselves of how their requests stand, written after each look."""

import time
from collections.abc import Iterable, Mapping

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError, Unreachable
from fleet.models.scheduler import ClusterView, Job
from fleet.policy.avoidance_upkeep import may_note

MOST_AT_ONCE = 200
"""Notes that are written after one look."""
WITHIN = 10.0
"""Seconds after which a look begins no more of them: a scheduler may take long for each, and what has to be decided by
the next look waits meanwhile.
"""
MOST_MISSES = 3
"""Notes that can't be written, after which a look writes no more."""


class JobNotes:
    """Writes notes on jobs."""

    def __init__(self, deps: Deps, within: float = WITHIN) -> None:
        self._deps, self._within = deps, within
        self._unwritten: dict[str, set[str]] = {}
        """Cluster: jobs that took no note when they were to have one last: the others go first."""

    async def write(self, cluster: str, notes: Mapping[str, str], view: ClusterView) -> None:
        """Write on jobs how their request stands, where that is ours to write and says something else. Those for whom
        there is no time are next with the next look.
        """
        # A scheduler of a site's own, written before there were notes, goes on without.
        write = getattr(self._deps.reach(cluster).scheduler, "note_on_job", None)
        if write is None:
            return
        missed = self._unwritten[cluster] = self._unwritten.get(cluster, set()).intersection(view.jobs)
        misses, begun = 0, time.monotonic()
        for job, note in sorted(_differing(notes, view.jobs), key=lambda one: one[0] in missed)[:MOST_AT_ONCE]:
            try:
                await write(job, note)
                missed.discard(job)
            except DriverError as error:
                activity.logger.warning(f"job {job} of {cluster} can't read its answer on itself: {error}")
                missed.add(job)
                misses += 1
                if misses == MOST_MISSES or isinstance(error, Unreachable):
                    return
            if time.monotonic() - begun >= self._within:
                return


def _differing(notes: Mapping[str, str], jobs: Mapping[str, Job]) -> Iterable[tuple[str, str]]:
    for job_id, note in notes.items():
        job = jobs.get(job_id)
        if job is not None and job.holds and may_note(job) and job.note != note:
            yield job_id, note
