"""Which rung of the repair ladder comes next, decided and written before it begins; or a person is asked."""

import time

from temporalio import activity

from activities import pages
from activities.counting import count_rung
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.handovers import giving
from activities.ladder import ask_person, end_rung
from activities.repair_book import where_it_is
from activities.wishing import wishes_of
from fleet.models.ladder import Rung
from fleet.models.noticing import OpeningCause
from fleet.models.rungs import Failure, LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.work import HostWork
from fleet.policy.coming_back import is_back
from fleet.policy.ladder import failure_of, last_judged, next_rung, refused
from fleet.policy.rung_steps import rung_steps


class Climbing:
    """Activity `climb`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="climb")
    @mapped
    async def climb(self, work: HostWork) -> NextRung:
        """Note how the last rung ended, and decide on the next. Repeating it finds the rung that was decided."""
        async with beating():
            store, work = self.deps.store, await where_it_is(self.deps, work)
            cluster, pool = await self.deps.pool_of(work.cluster, work.host, work.pool)
            asked = await giving(self.deps, work.cluster, work.host, work.operation)
            if asked is not None:
                return NextRung(rung=None, reason=f"it is to be given to {asked.outsider}: {asked.reason}")
            await self._end_last(work)
            failure = await self._failure(work)
            versions = (await store.versions(work.cluster)).get(work.host, {})
            wish = (await wishes_of(self.deps, cluster, pool, (work.host,))).of(work.host, versions).versions
            without = () if rung_steps(cluster, pool, Rung.REFLASH, versions, wish) else (Rung.REFLASH,)

            as_it_is = await self._as_it_is(work)

            def decide(facts: LadderFacts) -> NextRung:
                if as_it_is and not facts.climbed:
                    return NextRung(rung=Rung.RETRY, reason=as_it_is)
                return next_rung(cluster.repair, failure, facts, without)

            record = await store.climb(work, await self.deps.clock(), decide)
            if record.rung is None:
                await self._ask(work, record)
            steps = () if record.rung is None else rung_steps(cluster, pool, record.rung, versions, wish)
        return NextRung(
            rung=record.rung,
            category=record.category,
            attempt=record.attempt,
            steps=steps,
            reason=record.reason,
            pool=work.pool,
        )

    async def _as_it_is(self, work: HostWork) -> str:
        """Why a host is verified before anything is done to it; empty where it is not."""
        opened = await self.deps.store.opened_repair(work.operation)
        if opened is None or work.tries:
            return ""
        if opened.cause is OpeningCause.TAKEN_OVER:
            return opened.reason
        view = await self.deps.reach(work.cluster).scheduler.view(not_before=time.monotonic())
        came_back = is_back(opened, view.nodes.get(work.host))
        return "it came back by itself before anything was done to it" if came_back else ""

    async def _end_last(self, work: HostWork) -> None:
        if work.tries:
            steps = await self.deps.store.steps(f"{work.operation}.{work.tries}")
            end = RungEnd.REFUSED if refused(steps) else RungEnd.FAILED
            await end_rung(self.deps, work.operation, work.tries, end, work.trouble)

    async def _failure(self, work: HostWork) -> Failure:
        """Of the last try that did anything; before the first rung, of what led to the repair."""
        climbed = [r for r in await self.deps.store.rungs(work.operation) if r.rung and r.attempt <= work.tries]
        judged = last_judged(climbed)
        records = await self.deps.store.steps(f"{work.operation}.{judged}" if judged else work.origin)
        return failure_of(records, work.climb, work.trouble)

    async def _ask(self, work: HostWork, record: RungRecord) -> None:
        lease = await self.deps.store.lease(work.cluster, work.host)
        if lease is not None and lease.operation == work.operation:
            if not await self.deps.store.claimed(lease.operation):
                count_rung(record)
            elif work.tries:
                # They were asked before it came back by itself, and it did not pass.
                records = await self.deps.store.steps(f"{work.operation}.{work.tries}")
                await self.deps.page(pages.repair_failed(work, records))
            await ask_person(self.deps, lease, record.reason)
