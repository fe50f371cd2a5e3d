"""An emergency train's deeds: look at where it stands and plan what is next, and put a person's word in force."""

import time
from collections.abc import Sequence

from temporalio import activity

from activities.deps import Deps, beating, now
from activities.emergency_stop import close_ended, end_stop, known_emergency
from activities.emergency_words import EmergencyWords
from activities.failing import mapped
from activities.large_pages import asks_at_gate, at_its_end
from activities.looking import look
from activities.stop_orders import heard_at
from fleet.emergency_view import emergency_view
from fleet.errors import DriverError, Refused, Unreachable
from fleet.models.base import Moment
from fleet.models.emergency import (
    BUSY,
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencyState,
)
from fleet.models.emergency_messages import EmergencyInput, EmergencyOrder, EmergencyPlanned, EmergencyStop
from fleet.models.facts import LedgerFacts
from fleet.models.messages import VisitInput
from fleet.policy.emergency_change import after_look, overtaken
from fleet.policy.emergency_orders import EmergencyVerb, Gate, emergency_order, said_once
from fleet.policy.emergency_plan import LOOKS_AGAIN, EmergencyStep, settling_hosts
from fleet.policy.large_look import is_noticed, looks_again, next_step


class EmergencyPlanning:
    """Activities `plan_emergency` and `order_emergency`."""

    def __init__(self, deps: Deps) -> None:
        self.deps, self.words = deps, EmergencyWords(deps)

    @activity.defn(name="plan_emergency")
    @mapped
    async def plan_emergency(self, order: EmergencyInput) -> EmergencyPlanned:
        """Look at the facts, decide what is next, and write it; stops are rows before their visits begin."""
        async with beating():
            emergency = await known_emergency(self.deps, order.emergency)
            if not order.woken:
                await self._close_vanished(emergency)
            if emergency.spec.plan is not None:
                await close_ended(self.deps, emergency)
            emergency, hosts, ledger = await self._read(order.emergency)
            if emergency.state is EmergencyState.RUNNING and settling_hosts(hosts, ledger):
                await look(self.deps, order.cluster)
                emergency, hosts, ledger = await self._read(order.emergency)
            step = next_step(emergency, hosts, ledger)
            after, stops = await self._commit(emergency, step, ledger.now)
            if stops is None:
                return await self._anew(after)
            if is_noticed(emergency, step, ledger.now):
                await self._notify(emergency, hosts)
            if step.asks:
                await self.deps.page(asks_at_gate(after, step.asks))
            ended = at_its_end(after, await self.deps.store.count_emergency_hosts(after.id)) if after.over else None
            if ended is not None:
                await self.deps.page(ended)
            if step.state is EmergencyState.DONE:
                await look(self.deps, order.cluster)  # its last hosts are just back: trains go on with them at once
            again = activity.info().attempt > 1
            said = await self.words.to_say(step, ledger.leases.values(), after.changed_at, tried_again=again)
            return await self._planned(after, step, said, stops, ledger.now)

    async def _read(self, emergency_id: str) -> tuple[Emergency, tuple[EmergencyHost, ...], LedgerFacts]:
        store = self.deps.store
        emergency = await known_emergency(self.deps, emergency_id)
        hosts = await store.emergency_hosts(emergency_id)
        return emergency, hosts, await store.facts(emergency.spec.cluster, await self.deps.clock())

    async def _close_vanished(self, emergency: Emergency) -> None:
        """Stops that are open by the rows and whose visits no longer run (ended by hand, or never begun): their hosts
        wait for another one, but for those whose work goes on without the visit.
        """
        store, cluster = self.deps.store, emergency.spec.cluster
        hosts = [h for h in await store.emergency_hosts(emergency.id) if h.state in BUSY]
        for stop in dict.fromkeys(h.stop for h in hosts):
            if await self.deps.engine.running(stop):
                continue
            facts = await store.facts(cluster, await self.deps.clock())
            for request in (*facts.requests, *await store.unacknowledged(cluster)):
                if request.holder == stop:
                    await store.withdraw(request.id, f"{stop} no longer runs", await self.deps.clock())
            if not await store.leases(stop):
                pool = next(h.pool for h in hosts if h.stop == stop)
                outcomes = await store.outcomes(cluster, visit=stop)
                await end_stop(
                    self.deps, emergency.id, VisitInput(cluster=cluster, pool=pool, visit=stop, domain=""), outcomes
                )

    async def _commit(
        self, emergency: Emergency, step: EmergencyStep, at: Moment
    ) -> tuple[Emergency, tuple[EmergencyStop, ...] | None]:
        """Write the step, and the stops it opens; None, and nothing written, when a person was faster."""
        opened: list[tuple[EmergencyStop, ...] | None] = []

        def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
            found, stops = after_look(before, hosts, step, emergency, at)
            opened[:] = [None if overtaken(before, emergency) else stops]
            return found

        after = await self.deps.store.change_emergency(emergency.id, change)
        return after, opened[0]

    async def _notify(self, emergency: Emergency, hosts: Sequence[EmergencyHost]) -> None:
        """Send the signal that a job has asked for, the emergency's own or its pool's to the jobs on the hosts that it
        is to take, each job once; where the scheduler is silent, it is tried at the next look.
        """
        cluster, store = await self.deps.cluster(emergency.spec.cluster), self.deps.store
        given = emergency.spec.drain.signal if emergency.spec.drain is not None else None
        signals = {p.name: given or p.drain.signal for p in cluster.pools}
        its_hosts = (h for h in hosts if h.state is not EmergencyHostState.LEFT_OUT)
        told = {h.host: signals.get(h.pool) for h in its_hosts}
        if not told or not (any(told.values()) or await store.names_signals(cluster.name)):
            return
        scheduler = self.deps.reach(cluster.name).scheduler
        try:
            view = await scheduler.view(not_before=time.monotonic())
            on_them = [j for j in view.jobs.values() if j.holds and not j.ours and not told.keys().isdisjoint(j.hosts)]
            # Another signal than the one that it handles would end it.
            asked = await store.job_signals(cluster.name, [job.id for job in on_them])
            for job in sorted(on_them, key=lambda j: j.id):
                name = asked.get(job.id) or next((s for h in job.hosts if (s := told.get(h))), None)
                told_key = f"notice/{emergency.id}/{job.id}"
                if name is None or await store.claimed(told_key):
                    continue
                # The dispatcher's looks may tell one that has a signal of its own at the same time.
                if job.id not in asked or await store.first_time(told_key, now()):
                    await self._tell(emergency, job.id, name)
                    await store.first_time(told_key, now())
        except DriverError as error:
            activity.logger.warning(f"jobs on hosts of {emergency.id} were perhaps not told yet: {error}")

    async def _tell(self, emergency: Emergency, job: str, name: str) -> None:
        """Send one job a signal. One that the scheduler says no to may have got it, and keeps no other from its own."""
        try:
            await self.deps.reach(emergency.spec.cluster).scheduler.signal_jobs((job,), name)
        except Unreachable:
            raise
        except DriverError as error:
            activity.logger.warning(f"job {job} was perhaps not told of {emergency.id}: {error}")

    async def _anew(self, after: Emergency) -> EmergencyPlanned:
        """A look that a person's word overtook says nothing: it is to look again."""
        counts = await self.deps.store.count_emergency_hosts(after.id)
        picture = emergency_view(after, counts, after.reason)
        return EmergencyPlanned(reason=after.reason, state=after.state, wait_seconds=0.0, picture=picture)

    async def _planned(
        self, after: Emergency, step: EmergencyStep, said: EmergencyStep, stops: tuple[EmergencyStop, ...], at: Moment
    ) -> EmergencyPlanned:
        """`said`: the step with those alone who are to be told now."""
        counts = await self.deps.store.count_emergency_hosts(after.id)
        wait: float | None = None
        if step.until is not None:
            # It looks now and then in its notice too: a scheduler that hiccuped is asked again to tell its jobs.
            wait = min(max(0.0, (step.until - at).total_seconds()), looks_again(after, at).total_seconds())
        elif counts.get(EmergencyHostState.ASKED) or step.halts:
            wait = LOOKS_AGAIN.total_seconds()
        return EmergencyPlanned(
            reason=step.reason,
            state=after.state,
            stops=stops,
            yields=said.yields,
            halts=said.halts,
            wait_seconds=wait,
            picture=emergency_view(after, counts, step.reason),
            over=step.over,
        )

    @activity.defn(name="order_emergency")
    @mapped
    async def order_emergency(self, order: EmergencyOrder) -> str:
        """Put a person's word in force as a row, once however often it is tried; how it stands then. `Refused` with
        the reason.
        """
        info = activity.info()
        refused: list[Refused] = []
        async with beating():
            gate, verb = Gate(order.round, order.again), EmergencyVerb(order.verb)
            heard = verb in (EmergencyVerb.STOP, EmergencyVerb.RESUME)
            said_at = await heard_at(self.deps, verb) if heard else None
            change = emergency_order(order, verb, await self.deps.clock(), gate, said_at)
            once = said_once(change, f"{info.workflow_run_id}/{info.activity_id}", refused)
            after = await self.deps.store.change_emergency(order.emergency, once)
        if refused:
            raise refused[-1]
        return after.reason
