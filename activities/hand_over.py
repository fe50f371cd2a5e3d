"""A host passes from planned work to repair: ledger first, then the drain's reason, then people."""

import asyncio
import time

from temporalio import activity

from activities import pages
from activities.counting import count_outcome, count_undrained
from activities.deps import Deps, beating, now
from activities.emergency_stop import tell_large
from activities.failing import mapped
from activities.handovers import unless_given
from activities.holds import hold_for_good, own_drain, own_drain_again
from activities.ladder import ask_person, end_rung, leave_to_person
from activities.lemons import why_a_lemon
from activities.noticing import begun_key
from activities.pausing import SILENCES, Pauses
from activities.pin_forward import tell_switch
from activities.pin_guard import unless_unsettled
from activities.repair_book import climb_of, origin_of, repair_of, tries_of, where_it_is
from activities.wishing import wishes_of
from fleet import ids
from fleet.errors import DriverError, InvalidInput, Refused
from fleet.models.audit import AuditEntry
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.messages import Command, HandOver
from fleet.models.rungs import LADDER, RungEnd
from fleet.models.work import BoardAction, Boarding, Climb, HostOutcome, HostWork, Outcome
from fleet.policy.boarding import repair_steps

LOOK = 20.0
"""Seconds for a look at the versions of a host that goes to repair; the repair reads them anew."""


class HandingOver:
    """Activities `hand_over`, `plan_repair`, `report_repair` and `decommission`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="hand_over")
    @mapped
    async def hand_over(self, order: HandOver) -> HostWork:
        """Move the host from planned to failed without an instant between owners; the work as repair will have it.

        Repeating it finds the repair it began.
        """
        work, store = order.work, self.deps.store
        async with beating():
            operation = await repair_of(self.deps, work)
            lease = LeaseHost(
                cluster=work.cluster,
                host=work.host,
                request=operation,
                holder=ids.host(work.cluster, work.host),
                operation=operation,
                counted=Counted.FAILED,
                since=await store.clock(),
                why=order.reason,
            )
            await store.take_for_repair(lease, work.operation)
            if work.operation != operation:  # a repair that goes on has its one outcome at its end
                row = _outcome(work, Outcome.HANDED_OVER, order.reason)
                await store.record_outcome(row)
                count_outcome(row)
                await tell_large(self.deps, work.visit)
                await tell_switch(self.deps, work, order.reason)
            opened = await store.opened_repair(operation)
            await own_drain(self.deps, work, operation, opened)
            origin = await origin_of(self.deps, work, operation, opened)
            there = await where_it_is(self.deps, work)
            climb = await climb_of(self.deps, there, operation, origin, opened)
            lemon = await why_a_lemon(self.deps, work) if climb is not Climb.OFF else ""
            if climb is Climb.OFF or lemon:
                climb = Climb.OFF
                # Where its gate found that, the reason says so already.
                why = f"{order.reason}; {lemon}" if lemon and lemon not in order.reason else order.reason
                await ask_person(self.deps, lease, why)
            tries = await tries_of(self.deps, operation)
            await self._show_versions(work)
            if opened is not None:
                await store.first_time(begun_key(operation), now())
        return work.model_copy(
            update={
                "operation": operation,
                "pool": there.pool,
                "visit": None,
                "steps": (),
                "trouble": order.reason,
                "host_state": order.host_state,
                "origin": origin,
                "climb": climb,
                "tries": tries,
            }
        )

    async def _show_versions(self, work: HostWork) -> None:
        """What the visit made of the host's versions, for whoever looks at it; of a silent host the last ones stay."""
        try:
            async with asyncio.timeout(LOOK):
                versions = await self.deps.reach(work.cluster).hardware.versions(work.host)
        except (DriverError, TimeoutError) as error:
            activity.logger.warning(f"the versions of {work.host} can't be read at its hand-over: {error}")
            return
        await self.deps.store.record_versions(work.cluster, work.host, versions, now())

    @activity.defn(name="plan_repair")
    @mapped
    async def plan_repair(self, work: HostWork, command: Command) -> Boarding:
        """What a repaired host boards: all that is due, every verification, the gate; audited."""
        async with beating():
            # Before what may take hours: whoever gives the host away meanwhile has spoken after this word. The key is
            # of this run: a workflow that takes the repair up again may count a try anew.
            said = f"said/{activity.info().workflow_run_id}/{work.operation}.{work.tries}"
            since = await self.deps.store.first_claim(said, await self.deps.clock())
            await unless_unsettled(self.deps, work.cluster, work.operation)
            # The step that was under way as they spoke may have taken hours, too.
            await unless_given(self.deps, work, command, since if command.at is None else min(since, command.at))
            if command.actor != LADDER:  # a rung's entry is written with the rung
                await self._note_person(work, command)
            work = await where_it_is(self.deps, work)
            cluster, pool = await self.deps.pool_of(work.cluster, work.host, work.pool)
            try:
                versions = await self._versions(work)
            except DriverError as error:
                reason = f"its versions can't be read, {SILENCES} looks failed, last: {error}"
                return Boarding(action=BoardAction.NOT_READ, reason=reason, pool=work.pool)
            await self.deps.store.record_versions(work.cluster, work.host, versions, now())
            await own_drain_again(self.deps, work)
            entries = await self.deps.store.matrix(work.cluster)
            wish = (await wishes_of(self.deps, cluster, pool, (work.host,))).of(work.host, versions)
            return repair_steps(cluster, pool, versions, entries, wish).model_copy(update={"pool": work.pool})

    async def _note_person(self, work: HostWork, command: Command) -> None:
        """A person's word in the audit log; it ends the ladder, and a rung that has not begun gives way to it."""
        await self._end_ladder(work, work.tries, command)
        if not await self.deps.store.first_time(f"tried/{work.operation}.{work.tries}", now()):
            return
        await self.deps.store.audit(
            AuditEntry(
                at=now(),
                actor=command.actor,
                action="host repaired",
                subject=f"host {work.cluster}/{work.host}",
                reason=command.reason,
                detail=f"try {work.tries} of {work.operation}",
            )
        )

    async def _end_ladder(self, work: HostWork, attempt: int, command: Command) -> None:
        """The rung of the last try has failed; that of the try `attempt` was decided and has not begun; none follows,
        also when the workflow that heard the word is lost.
        """
        await end_rung(self.deps, work.operation, attempt - 1, RungEnd.FAILED, work.trouble)
        said = f"{command.actor}: {command.reason}"
        await end_rung(self.deps, work.operation, attempt, RungEnd.WITHDRAWN, said)
        await leave_to_person(self.deps, work, command)

    async def _versions(self, work: HostWork) -> dict[str, str]:
        """Versions as of now; the error of the last look when all of them fail, so that a dead BMC ends the try:
        what repair can't see, a person must mend first.
        """
        pauses = Pauses()
        for _ in range(SILENCES - 1):
            try:
                return await self.deps.reach(work.cluster).hardware.versions(work.host)
            except DriverError as error:
                activity.logger.warning(f"versions of {work.host} can't be read: {error}")
            await pauses.wait()
        return await self.deps.reach(work.cluster).hardware.versions(work.host)

    @activity.defn(name="drain_again")
    @mapped
    async def drain_again(self, work: HostWork) -> bool:
        """Drain a host that somebody undrained while it waits in repair, and tell people; False when it is drained."""
        async with beating():
            view = await self.deps.reach(work.cluster).scheduler.view(not_before=time.monotonic())
            node = view.nodes.get(work.host)
            if node is None or node.draining:
                return False
            await own_drain_again(self.deps, work)
            await self.deps.page(pages.undrained_in_repair(work, now()))
            count_undrained(work.cluster, work.pool)
        return True

    @activity.defn(name="report_repair")
    @mapped
    async def report_repair(self, work: HostWork) -> None:
        """Tell people that a repair did not hold, or that its ladder broke off: it is theirs now."""
        await leave_to_person(self.deps, work, Command(actor=LADDER, reason=work.trouble))
        records = await self.deps.store.steps(f"{work.operation}.{work.tries}")
        await self.deps.page(pages.repair_failed(work, records))

    @activity.defn(name="decommission")
    @mapped
    async def decommission(self, work: HostWork, command: Command) -> None:
        """Take the host out of service for good: drained with our hold, out of every count, its lease ended.

        A host that the scheduler no longer lists, or that is no member any more, leaves as well. People are told when
        it can't leave: whoever asked had their answer before.
        """
        async with beating():
            await self._end_ladder(work, work.tries + 1, command)
            try:
                await hold_for_good(self.deps, work)
                await self.deps.store.set_decommissioned(work.cluster, work.host, command.actor, command.reason, now())
            except (Refused, InvalidInput) as error:
                info = activity.info()
                order = f"{info.workflow_run_id}/{info.activity_id}"
                await self.deps.page(pages.not_decommissioned(work, order, error))
                raise
            row = _outcome(work, Outcome.DECOMMISSIONED, f"{command.actor}: {command.reason}")
            await self.deps.store.release(work.cluster, work.host, work.operation, row, await self.deps.clock())
            count_outcome(row)


def _outcome(work: HostWork, outcome: Outcome, reason: str) -> HostOutcome:
    return HostOutcome(
        cluster=work.cluster,
        pool=work.pool,
        host=work.host,
        operation=work.operation,
        visit=work.visit,
        outcome=outcome,
        reason=reason,
        at=now(),
    )
