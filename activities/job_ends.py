"""Notes which hosts the failures of jobs speak against, while an upgrade soaks on them.

A scheduler remembers the ends of jobs for minutes only, so the dispatcher's looks bring them. What ended between two
looks of this worker is new; its first look at a cluster tells nothing, since nobody can say how old those ends are.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from activities.deps import Deps
from fleet.models.base import Moment
from fleet.models.host import HostSet
from fleet.models.rollouts import OPEN_STATES, Trial
from fleet.models.scheduler import ClusterView
from fleet.policy.job_failures import HostFailure, Works, host_failures, job_trial, remembered
from fleet.policy.sets import standings


class _Seen(NamedTuple):
    """What the last look of this worker at a cluster showed."""

    at: Moment
    ends: frozenset[str]
    works: Works


class JobEnds:
    """Follows the ends of jobs from look to look."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._seen: dict[str, _Seen] = {}

    async def note(self, cluster: str, view: ClusterView, began: Moment) -> None:
        """Write a trial for each host that newly ended jobs speak against. `began` is when the reading began."""
        before = self._seen.get(cluster)
        ends = view.ends if before is None else tuple(end for end in view.ends if end.key not in before.ends)
        works = remembered(before.works if before is not None else {}, ends)
        if before is not None and (failures := host_failures(ends, works)):
            await self._record(cluster, failures, before.at)
        self._seen[cluster] = _Seen(began, frozenset(end.key for end in view.ends), works)

    async def _record(self, cluster: str, failures: Sequence[HostFailure], before: Moment) -> None:
        store = self._deps.store
        soak = await self._soak(cluster)
        if soak <= timedelta(0):
            return
        now = await self._deps.clock()
        # Twice the soak: what an earlier visit brought may soak still.
        trials = await store.trials([cluster], now - 2 * soak, {failure.host for failure in failures})
        theirs = await self._in_hands(cluster, now) if trials else frozenset()
        found: list[Trial] = []
        for failure in failures:
            its = [t for t in trials if t.host == failure.host]
            trial = None if failure.host in theirs else job_trial(failure, its, before, soak, now)
            if trial is not None and await self._first(cluster, failure, soak, now):
                found.append(trial)
        await store.record_trials(tuple(found))

    async def _in_hands(self, cluster: str, now: Moment) -> frozenset[str]:
        """Hosts in our hands, which tell for themselves, or in somebody else's, who may have taken them from a job."""
        facts = await self._deps.store.facts(cluster, now)
        foreign = (host for host, at in standings(facts).items() if at.set is HostSet.FOREIGN)
        return frozenset((*facts.leases, *foreign))

    async def _soak(self, cluster: str) -> timedelta:
        """The longest time for which some rollout soaks on this cluster's hosts."""
        of = [r.spec for r in await self._deps.store.rollouts() if r.state in OPEN_STATES]
        its = [spec for spec in of if not spec.clusters or cluster in spec.clusters]
        return max((phase.soak for spec in its for phase in spec.phases), default=timedelta(0))

    async def _first(self, cluster: str, failure: HostFailure, soak: timedelta, now: Moment) -> bool:
        """Whether a work speaks for the first time in a soak: flaky work must not speak for all hosts it runs on."""
        if not failure.weak:
            return True
        span = int(now.timestamp() // soak.total_seconds())
        return await self._deps.store.first_time(f"job-failed/{cluster}/{failure.work}/{span}", now)
