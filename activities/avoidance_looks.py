"""After each look at a cluster: what jobs say in their comments is answered, avoidances end with their date or their
job, those that can't be kept are taken back, and jobs can read on themselves how their request stands.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from temporalio import activity

from activities.avoidance_door import AvoidanceDoor, job_wish
from activities.avoidance_moves import follow_moves, revoke_gone
from activities.avoidance_notes import JobNotes
from activities.deps import Deps, now
from fleet import ids
from fleet.avoidance_words import MARK, Word, until_of, word_in
from fleet.errors import DriverError, InvalidInput, Refused, Unreachable
from fleet.models.avoidance import Avoidance, AvoidanceSource, AvoidanceState
from fleet.models.base import Moment
from fleet.models.emergency import Emergency, EmergencyHostState, EmergencyState
from fleet.models.event import EventKind, event
from fleet.models.scheduler import ClusterView, Job
from fleet.policy.avoidance_upkeep import (
    ended_by_jobs,
    ended_by_time,
    notes_of,
    overruled_words,
    plain_note,
    renegotiated,
)

MAINTRAIN = "maintrain"
RECENT = timedelta(minutes=10)
"""For how long the note on a job is kept in step with a request that is over."""
MOST_AT_ONCE = 200
"""Words of jobs that are answered after one look, however long they take."""
WITHIN = 5.0
"""Seconds within which more are answered: a look must not last for minutes, and a worker that was just started hears
all of them again, the new ones among them.
"""
_GOES_AHEAD = (EmergencyState.ANNOUNCED, EmergencyState.RUNNING)
_TAKEN = (EmergencyHostState.PENDING, EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY)


class AvoidanceLooks:
    """Follows what jobs say from look to look."""

    def __init__(self, deps: Deps, within: float = WITHIN) -> None:
        self._within = within
        self._deps, self._door, self._notes = deps, AvoidanceDoor(deps.store), JobNotes(deps)
        self._answered: dict[str, frozenset[str]] = {}
        self._turned_away: dict[str, dict[str, str]] = {}
        """Cluster: job: why its words could not even be taken down, for it to read."""
        self._outside: dict[str, set[str]] = {}
        """Cluster: words that could not be taken down, as those of jobs on hosts that are in nobody's pool."""
        self._ready: dict[str, frozenset[tuple[str, str]]] = {}
        """Cluster: pools and their domains whose jobs have all said that they are ready."""

    async def look(self, cluster: str, view: ClusterView, began: Moment) -> None:
        """Bring a cluster's avoidances in step with a whole reading of its scheduler, which began then."""
        store = self._deps.store
        await self._answer(cluster, view, began)
        at = await self._deps.clock()
        rows = await store.avoidances_since(cluster, at - RECENT)
        if not rows:
            self._ready.pop(cluster, None)
            await self._notes.write(cluster, self._turned_away[cluster], view)
            return
        changes = (*ended_by_time(rows, at), *ended_by_jobs((r for r in rows if r.asked_at < began), view.jobs))
        ended = await store.change_avoidances(cluster, changes, MAINTRAIN, at)
        for pool in sorted({row.ask.pool for row in ended}):
            await self._wake(cluster, pool)
        over = {row.id for row in ended}
        await self._keep(cluster, [row for row in rows if row.stands(at) and row.id not in over])
        await self._wake_for_ready(cluster, rows, at)
        rows = await store.avoidances_since(cluster, at - RECENT)
        notes = self._turned_away[cluster] | notes_of(rows, view.jobs)
        notes |= await self._overruled(cluster, [row for row in rows if row.stands(at)], view)
        await self._notes.write(cluster, notes, view)

    async def _answer(self, cluster: str, view: ClusterView, began: Moment) -> None:
        """Answer each word once; the same words of the same run of a job are the same request."""
        spoken = {
            f"{cluster}/{job.id}.{job.restarts}/{sha256(word.text.encode()).hexdigest()[:12]}": (job, word)
            for job in view.jobs.values()
            if MARK in job.comment and job.holds and not job.ours and (word := word_in(job.comment)) is not None
        }
        known = self._answered.get(cluster, frozenset()).intersection(spoken)
        speakers = {job.id for job, _ in spoken.values()}
        turned_away = {j: why for j, why in self._turned_away.get(cluster, {}).items() if j in speakers}
        outside = await self._still_outside(cluster, spoken)
        new = [key for key in spoken if key not in known and key not in outside]
        new.sort(key=lambda key: spoken[key][0].id in turned_away)
        answered, begun = set(known), time.monotonic()
        for count, key in enumerate(new):
            if count >= MOST_AT_ONCE and time.monotonic() - begun >= self._within:
                break
            job, word = spoken[key]
            before = turned_away.pop(job.id, "")
            try:
                if not await self._answer_one(cluster, key, job, word, began):
                    continue
            except (InvalidInput, Refused) as error:
                # Nothing that a look has to fail for.
                turned_away[job.id] = plain_note(f"not taken down: {error}")
                if turned_away[job.id] != before:
                    activity.logger.info(f"job {job.id} of {cluster} is turned away: {error}")
                if isinstance(error, InvalidInput):
                    # On hosts that are in nobody's pool, say: they may come to be in one.
                    outside.add(key)
                    continue
            answered.add(key)
        self._answered[cluster], self._turned_away[cluster] = frozenset(answered), turned_away
        self._outside[cluster] = outside

    async def _still_outside(self, cluster: str, spoken: Mapping[str, tuple[Job, Word]]) -> set[str]:
        """Words that could not be taken down before and can't be yet. However many they are, they cost a look one
        reading of the members, and keep no other word from its answer.
        """
        before = self._outside.get(cluster, set()).intersection(spoken)
        if not before:
            return set()
        members = {host.name for host in await self._deps.store.hosts(cluster) if not host.decommissioned}
        return {key for key in before if members.isdisjoint(spoken[key][0].hosts)}

    async def _answer_one(self, cluster: str, key: str, job: Job, word: Word, began: Moment) -> bool:
        """False where it is to be heard again. A look may have stood still since it began, and its job have asked for
        more: its word takes back nothing of that.
        """
        wish = replace(job_wish(cluster, job, key, AvoidanceSource.COMMENT), why=word.why, signal=word.signal)
        if word.problem:
            await self._door.refuse(wish, word.problem)
        elif word.verb == "avoid":
            await self._door.ask(replace(wish, until=until_of(word.until, await self._deps.clock())))
        elif word.verb == "ready":
            rows = await self._door.ready(wish, began)
            for row in rows:
                await self._wake(cluster, row.ask.pool)
            return bool(rows)
        else:
            # Heard again by another worker, it takes back what its first hearing may have died before, and no more.
            said_at = await self._deps.store.first_claim(f"avoid/{key}", began)
            try:
                rows = await self._door.withdraw(cluster, job.id, wish.actor, "its comment says so", said_at)
            except Refused as error:
                if said_at == began:
                    raise
                activity.logger.debug(f"job {job.id} of {cluster} was heard before: {error}")
                return True
            for pool in sorted({row.ask.pool for row in rows}):
                await self._wake(cluster, pool)
        return True

    async def _keep(self, cluster: str, rows: Sequence[Avoidance]) -> None:
        """Have those that stand follow the fleet file and what their trains can keep; none ends the look that fails."""
        if not rows:
            return
        promised = await self._deps.cluster(cluster)
        await follow_moves(self._deps.store, cluster, rows)
        for pool in sorted({row.ask.pool for row in rows}):
            try:
                if promised.pool(pool) is None:
                    await revoke_gone(self._deps.store, cluster, pool)
                else:
                    await renegotiate(self._deps, cluster, pool)
            except (InvalidInput, Refused) as error:
                activity.logger.warning(f"what was granted in {cluster}/{pool} is not looked at: {error}")

    async def _wake_for_ready(self, cluster: str, rows: Sequence[Avoidance], at: Moment) -> None:
        """A word that jobs are ready counts from the look that shows that they were all there to say it: their train is
        told of it then, however it came.
        """
        found = set()
        for pool in sorted({row.ask.pool for row in rows if row.state is AvoidanceState.READY}):
            facts = await self._deps.store.train_facts(cluster, pool, at)
            found |= {(pool, domain) for domain in facts.ready} if facts is not None else set()
        for pool in sorted({pool for pool, _ in found - self._ready.get(cluster, frozenset())}):
            await self._wake(cluster, pool)
        self._ready[cluster] = frozenset(found)

    async def _wake(self, cluster: str, pool: str) -> None:
        """Its train looks anew; one that can't be told finds it at its next look."""
        try:
            await self._deps.engine.wake(ids.train(cluster, pool))
        except Unreachable as error:
            activity.logger.warning(f"the train of {cluster}/{pool} is not told that a job made way: {error}")

    async def _overruled(self, cluster: str, rows: Sequence[Avoidance], view: ClusterView) -> dict[str, str]:
        """Job: a note, where an emergency takes hosts of it before the date that it was granted."""
        notes: dict[str, str] = {}
        emergencies = await self._deps.store.emergencies(cluster) if rows else ()
        for emergency in (e for e in emergencies if e.state in _GOES_AHEAD):
            hosts = await self._deps.store.emergency_hosts(emergency.id)
            taken = {host.host for host in hosts if host.state in _TAKEN}
            for row in rows:
                if row.stands(emergency.begins_at) and not taken.isdisjoint(row.ask.hosts):
                    await self._tell_overruled(emergency, row, view)
                    notes[row.ask.job] = plain_note(overruled_words(emergency))
        return {job: note for job, note in notes.items() if job}

    async def _tell_overruled(self, emergency: Emergency, row: Avoidance, view: ClusterView) -> None:
        """An event, and when the emergency's jobs are told, the job's own signal; each once."""
        ask, data = row.ask, {"avoidance": row.id, "job": row.ask.job, "user": row.ask.user}
        data |= {"emergency": emergency.id, "not_before": emergency.begins_at.isoformat()}
        told = {"hosts": ask.hosts, "reason": overruled_words(emergency), "data": data, "subject": row.id}
        occasion = f"{emergency.id}/{row.id}"
        kind = EventKind.AVOIDANCE_OVERRULED
        at = await self._deps.clock()
        await self._deps.store.record_event(event(kind, occasion, at, (ask.cluster, ask.pool), **told))
        job = view.jobs.get(ask.job)
        if ask.signal is None or job is None or not job.holds or at < emergency.told_from:
            return
        if await self._deps.store.first_time(f"notice/{emergency.id}/{ask.job}", now()):
            try:
                await self._deps.reach(ask.cluster).scheduler.signal_jobs((ask.job,), ask.signal)
            except DriverError as error:
                activity.logger.warning(f"job {ask.job} was perhaps not told of {emergency.id}: {error}")


async def renegotiate(deps: Deps, cluster: str, pool: str) -> bool:
    """Take back what can't be kept beside the cycle bound; True when something was."""
    facts = await deps.store.avoidance_facts(cluster, pool, await deps.clock())
    # Long for a pool with many grants and narrow windows: a worker has heartbeats to send meanwhile.
    changes = await asyncio.to_thread(renegotiated, facts)
    return bool(await deps.store.change_avoidances(cluster, changes, MAINTRAIN, facts.train.now))
