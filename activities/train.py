"""The train's planner: decide the next stop and commit what follows from it."""

from temporalio import activity

from activities import pages
from activities.avoidance_looks import renegotiate
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.notice import first_notice, tell_late_jobs
from activities.timetable import KeptByPool, in_timetable_order
from activities.trying import record_trials
from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.facts import TrainFacts
from fleet.models.messages import SkipCommand, TrainInput, TrainStop
from fleet.models.train import DomainState, NextStop, StopAction, Visit, VisitState
from fleet.policy.domains import form_domains
from fleet.policy.next_stop import kept_by_jobs, next_stop
from fleet.policy.too_large import too_large
from fleet.view import cycle_view

_DUE = (DomainState.DUE, DomainState.NOTICED)


class Planning:
    """Activities `plan_stop` and `skip_domain`."""

    def __init__(self, deps: Deps) -> None:
        self.deps, self._kept = deps, KeptByPool()

    @activity.defn(name="plan_stop")
    @mapped
    async def plan_stop(self, train: TrainInput) -> TrainStop:
        """The next stop of a train, with everything that must be written before it begins."""
        async with beating():
            ended = await self._close_vanished(train)
            facts = await self.deps.store.train_facts(train.cluster, train.pool, await self.deps.clock())
            if facts is None:
                raise InvalidInput("fleet file in force", f"{train.cluster}/{train.pool}", "expected a pool")
            if facts.avoided and await renegotiate(self.deps, train.cluster, train.pool):
                facts = await self.deps.store.train_facts(train.cluster, train.pool, await self.deps.clock()) or facts
            await tell_late_jobs(self.deps, facts)
            facts = await in_timetable_order(self.deps, facts, self._kept)
            stop = next_stop(facts)
            visit = await self._commit(facts, stop)
            for kept in kept_by_jobs(facts):
                await self.deps.page(pages.kept_by_jobs(facts, kept))
            await self._tell_too_large(facts)
            cycle = await self.deps.store.cycle(train.cluster, train.pool)
            clock = await self.deps.clock()
        return TrainStop(
            action=stop.action,
            reason=stop.reason,
            visit=visit,
            domain=stop.domain,
            until=stop.until,
            wait_seconds=None if stop.until is None else max(0.0, (stop.until - clock).total_seconds()),
            at_risk=stop.at_risk,
            ended=ended,
            due=tuple(p.domain.name for p in cycle.domains if p.state in _DUE) if cycle else (),
            timetable=cycle_view(cycle, stop, clock) if cycle else stop.reason,
        )

    async def _tell_too_large(self, facts: TrainFacts) -> None:
        """Page of domains that wait for ever as the fleet file stands; what a visit has in hand was granted before."""
        due = facts.cycle.left if facts.cycle is not None else ()
        if too_large(facts, due) is None:
            return
        left = [d for d in due if d.visit is None or not await self.deps.store.leases(d.visit)]
        found = too_large(facts, left)
        if found is not None:
            await self.deps.page(pages.too_large(facts, found))

    async def _close_vanished(self, train: TrainInput) -> tuple[str, ...]:
        """Visits that are open in the store and no longer run (ended unheard, or ended by hand): close them."""
        facts = await self.deps.store.train_facts(train.cluster, train.pool, await self.deps.clock())
        known = set(train.under_way) | set(facts.open_visits if facts else ())
        ended = [v for v in sorted(known) if not await self.deps.engine.running(v)]
        for visit in ended:
            await self._withdraw(train.cluster, visit)
            outcomes = await self.deps.store.outcomes(train.cluster, visit=visit)
            await record_trials(self.deps, train.cluster, outcomes)
            await self.deps.store.close_visit(
                visit, await self.deps.clock(), "its workflow no longer runs", gave_back=False, due_again=True
            )
        return tuple(ended)

    async def _withdraw(self, cluster: str, visit: str) -> None:
        """What a vanished visit asked for and never took up goes to nobody, and its untouched hosts not to repair."""
        store = self.deps.store
        facts = await store.facts(cluster, await self.deps.clock())
        for request in (*facts.requests, *await store.unacknowledged(cluster)):
            if request.holder == visit:
                await store.withdraw(request.id, f"{visit} no longer runs", await self.deps.clock())

    async def _commit(self, facts: TrainFacts, stop: NextStop) -> str | None:
        store, pool, cycle = self.deps.store, facts.pool, facts.cycle
        match stop.action:
            case StopAction.OPEN_CYCLE:
                number = cycle.number + 1 if cycle else 1
                domains = form_domains(facts.hosts, pool.domain, pool.replicas)
                await store.open_cycle(
                    facts.cluster, pool.name, number, domains, facts.now, facts.now + pool.cycle_bound
                )
            case StopAction.CLOSE_CYCLE if cycle is not None:
                await store.close_cycle(facts.cluster, pool.name, cycle.number, facts.now)
            case StopAction.NOTICE if stop.domain is not None:
                await first_notice(self.deps, facts, stop.domain)
            case StopAction.VISIT if cycle is not None and stop.domain is not None:
                visit = ids.visit(facts.cluster, pool.name, cycle.number, stop.domain, stop.attempt)
                opened = await store.open_visit(
                    Visit(
                        id=visit,
                        cluster=facts.cluster,
                        pool=pool.name,
                        cycle=cycle.number,
                        domain=stop.domain,
                        attempt=stop.attempt,
                        state=VisitState.WAITING,
                        opened_at=facts.now,
                    )
                )
                # Skipped since the facts were read: the train plans again.
                return visit if opened else None
        return None

    @activity.defn(name="skip_domain")
    @mapped
    async def skip_domain(self, train: TrainInput, command: SkipCommand) -> bool:
        """Leave a due domain out of the open cycle; False when it is not due."""
        return await self.deps.store.skip(
            train.cluster, train.pool, command.domain, command.actor, command.reason, await self.deps.clock()
        )
