"""A visit's own deeds: ask for its hosts, board them, end."""

import asyncio
from collections.abc import Mapping, Sequence

from temporalio import activity

from activities.asking import as_asked, filed, take_back_the_rest, taken_back
from activities.deps import Deps, beating
from activities.emergency_stop import ask_for_stop, begin_stop, end_stop, stop_wishes
from activities.failing import mapped
from activities.joining import joint_for, tell_partners
from activities.lemon_facts import Found, lemons_of
from activities.letting_go import release, still_here, unboarded
from activities.trying import record_trials
from activities.wishing import Wishes, wishes_of
from fleet import ids
from fleet.errors import DriverError
from fleet.models.base import Moment
from fleet.models.joint import Joint
from fleet.models.ledger import Request, RequestClass
from fleet.models.matrix import MatrixEntry
from fleet.models.messages import VisitAsk, VisitAsked, VisitBoarded, VisitEnd, VisitInput
from fleet.models.work import BoardAction, Boarding, EndCause, HostWork, Outcome
from fleet.policy.boarding import board
from fleet.policy.lemon_boarding import board_lemon
from fleet.policy.visit_end import visit_end
from fleet.policy.visiting import free_to_take

PROBES = 16
"""Hosts whose versions are read at once."""


class Visiting:
    """Activities `ask_for_hosts`, `board_hosts`, `end_visit` and `leave_out`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="ask_for_hosts")
    @mapped
    async def ask_for_hosts(self, ask: VisitAsk) -> VisitAsked:
        """File the visit's lease request for the hosts of its domain that are free to take, or look how it stands.

        A waiting request whose hosts are no longer the free ones is withdrawn and asked anew, keeping its age. What is
        there is found by its holder, so an attempt that died between the two leaves nothing behind.
        """
        async with beating():
            return await self._ask(ask)

    async def _ask(self, ask: VisitAsk) -> VisitAsked:
        visit, store = ask.input, self.deps.store
        facts = await store.facts(visit.cluster, await self.deps.clock())
        # From the same reading: a grant between two would show the visit's own hosts as taken by another.
        held = next((lease for lease in facts.leases.values() if lease.holder == visit.visit), None)
        if held is not None:
            return VisitAsked(ask=ask.ask, request=held.request, granted=True)
        emergency = ids.emergency_of(visit.visit)
        if emergency is not None:
            return await ask_for_stop(self.deps, emergency, ask, facts)
        taking = free_to_take(await self._domain_hosts(visit), facts, visit.pool)
        waiting = next((r for r in facts.requests if r.holder == visit.visit), None)
        joint = await joint_for(self.deps, visit, waiting, facts) if taking.taken else None
        if waiting is not None and (waiting.hosts, waiting.joint) == (taking.taken, joint):
            await tell_partners(self.deps, visit, joint)
            return as_asked(ask.ask, waiting)
        if waiting is not None:
            changed = "it is called to a joint visit" if waiting.hosts == taking.taken else "its free hosts changed"
            granted = await taken_back(self.deps, waiting, f"{changed}: {taking.reason}")
            if granted is not None:
                return as_asked(ask.ask, granted)
        await store.add_left_out(visit.visit, taking.left_out)
        if not taking.taken:
            return VisitAsked(ask=ask.ask, request="", granted=False, reason=taking.reason)
        asked_at = waiting.asked_at if waiting else await self.deps.clock()
        asked = await self._file(visit, ask.ask, taking.taken, asked_at, joint)
        await tell_partners(self.deps, visit, joint)
        return asked

    async def _file(
        self, visit: VisitInput, number: int, hosts: tuple[str, ...], asked_at: Moment, joint: Joint | None
    ) -> VisitAsked:
        _, pool = await self.deps.pool(visit.cluster, visit.pool)
        request = Request(
            id=ids.request(visit.visit, number),
            cluster=visit.cluster,
            kind=RequestClass.TRAIN,
            holder=visit.visit,
            hosts=hosts,
            asked_at=asked_at,
            expected_seconds=(pool.drain.deadline + pool.visit_budget).total_seconds(),
            why=f"domain {visit.domain}",
            joint=joint,
        )
        return await filed(self.deps, number, request)

    async def _domain_hosts(self, visit: VisitInput) -> tuple[str, ...]:
        known = await self.deps.store.visit(visit.visit)
        cycle = await self.deps.store.cycle(visit.cluster, visit.pool, known.cycle) if known else None
        found = (p.domain.hosts for p in cycle.domains if p.domain.name == visit.domain) if cycle else iter(())
        return next(found, ())

    @activity.defn(name="board_hosts")
    @mapped
    async def board_hosts(self, asked: VisitAsked, visit: VisitInput) -> VisitBoarded:
        """Acknowledge the grant, read every host's versions, and decide what boards; hosts with nothing to do are
        released at once.
        """
        store = self.deps.store
        async with beating():
            # Acknowledged first: whoever withdraws the request until then takes leases that are not read yet.
            await store.acknowledge(asked.request, await self.deps.clock())
            leases = await store.leases(visit.visit)
            for request in sorted({lease.request for lease in leases} - {asked.request}):
                await store.acknowledge(request, await self.deps.clock())
            leases = await still_here(self.deps, visit, leases)
            entries = await store.matrix(visit.cluster)
            now, hosts = await self.deps.clock(), [lease.host for lease in leases]
            emergency = ids.emergency_of(visit.visit)
            if emergency is not None:
                halted = await begin_stop(self.deps, emergency, visit, leases)
                if halted:
                    return await self._none_begun(visit, hosts, halted)
                wishes = await stop_wishes(self.deps, emergency, visit, hosts)
            else:
                wishes = await wishes_of(self.deps, *await self.deps.pool(visit.cluster, visit.pool), hosts)
            bad = await lemons_of(store, visit.cluster, now, hosts) if emergency is None else {}
            several = asyncio.Semaphore(PROBES)

            async def one(host: str) -> HostWork | None:
                async with several:
                    return await self._board(visit, host, entries, wishes, bad)

            works = await asyncio.gather(*(one(lease.host) for lease in leases))
        boarded = tuple(w for w in works if w is not None)
        return VisitBoarded(works=boarded, reason=f"{len(boarded)} of {len(leases)} hosts have work")

    async def _none_begun(self, visit: VisitInput, hosts: Sequence[str], why: str) -> VisitBoarded:
        """What an attempt before this one has boarded stays, and ends at its next safe point."""
        ended = (Outcome.GIVEN_BACK, why, EndCause.STOP)
        known = [await unboarded(self.deps, visit, host, *ended) for host in hosts]
        return VisitBoarded(works=tuple(work for work in known if work is not None), reason=why)

    async def _board(
        self, visit: VisitInput, host: str, entries: tuple[MatrixEntry, ...], wishes: Wishes, bad: Mapping[str, Found]
    ) -> HostWork | None:
        operation = ids.operation(visit.visit, host)
        known = await self.deps.store.work(operation)
        if known is not None:
            return known
        try:
            versions = await self.deps.reach(visit.cluster).hardware.versions(host)
        except DriverError as error:
            return await unboarded(self.deps, visit, host, Outcome.LEFT_OUT, f"its versions can't be read: {error}")
        await self.deps.store.record_versions(visit.cluster, host, versions, await self.deps.clock())
        found = bad.get(host)
        if found is not None:
            boarding = board_lemon(wishes.pool, found.lemon)
        elif wishes.service is not None:
            boarding = wishes.service
        else:
            boarding = board(wishes.cluster, wishes.pool, versions, entries, wishes.of(host, versions))
        if boarding.action is not BoardAction.VISIT:
            current = boarding.action is BoardAction.CURRENT
            if current and (lacks := wishes.lacking(versions)):
                current, told = False, f"{boarding.reason}; it is not known to carry {', '.join(lacks)}"
                boarding = boarding.model_copy(update={"reason": told})
            outcome = Outcome.CURRENT if current else Outcome.LEFT_OUT
            return await unboarded(self.deps, visit, host, outcome, boarding.reason)
        work = self._work(visit, host, operation, boarding)
        await self.deps.store.save_work(work)
        return work

    def _work(self, visit: VisitInput, host: str, operation: str, boarding: Boarding) -> HostWork:
        return HostWork(
            cluster=visit.cluster,
            pool=visit.pool,
            host=host,
            operation=operation,
            visit=visit.visit,
            steps=boarding.steps,
            deferred=boarding.deferred,
        )

    @activity.defn(name="leave_out")
    @mapped
    async def leave_out(self, work: HostWork, reason: str) -> None:
        """Give up a host that another workflow has in its hands."""
        visit = VisitInput(cluster=work.cluster, pool=work.pool, visit=work.visit or "", domain="")
        await release(self.deps, visit, work.host, Outcome.LEFT_OUT, reason, EndCause.HANDS)

    @activity.defn(name="end_visit")
    @mapped
    async def end_visit(self, end: VisitEnd) -> str:
        """Close the visit: what came of it, in a sentence; whether its domain is due again."""
        async with beating():
            return await self._end(end)

    async def _end(self, end: VisitEnd) -> str:
        visit, store = end.input, self.deps.store
        if end.request is not None:
            await store.withdraw(end.request, end.reason or "the visit ended", await self.deps.clock())
        outcomes = await store.outcomes(visit.cluster, visit=visit.visit)
        counts = {o: sum(1 for x in outcomes if x.outcome is o) for o in Outcome}
        told = ", ".join(f"{n} {o.value.replace('_', ' ')}" for o, n in counts.items() if n) or end.reason
        known = await store.visit(visit.visit)
        unseen = set(known.left_out) - {o.host for o in outcomes} if known else set()
        if unseen:
            told = f"{told}, {len(unseen)} not taken"
        await record_trials(self.deps, visit.cluster, outcomes)
        emergency = ids.emergency_of(visit.visit)
        if emergency is not None:
            await end_stop(self.deps, emergency, visit, outcomes)
            await take_back_the_rest(self.deps, visit.visit)
            return told
        ending = visit_end(outcomes)
        await store.close_visit(
            visit.visit, await self.deps.clock(), told, gave_back=ending.gave_back, due_again=ending.due_again
        )
        await take_back_the_rest(self.deps, visit.visit)
        return told
