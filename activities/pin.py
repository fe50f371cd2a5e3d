"""A pin switch's looks: read the facts, let the policy decide, commit, tell; and a person's word."""

import time
from collections.abc import Callable

from temporalio import activity

from activities import pin_pages
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.pin_catch_up import catch_up
from activities.pin_facts import PinLook, look_at_pin, rows
from activities.pin_jobs import on_members, release_jobs, tell_jobs
from activities.pin_late import open_all
from activities.pin_rollouts import open_co_rollouts
from fleet import ids
from fleet.errors import DriverError, InvalidInput
from fleet.models.messages import RolloutInput
from fleet.models.pin import PinChange, PinHost, PinHostState, PinState, PinSwitch
from fleet.models.pin_messages import PinAction, PinInput, PinOrder, PinPhase, PinReview
from fleet.pin_view import pin_view
from fleet.policy.pin_look import PinFacts, PinStep, announced
from fleet.policy.pin_orders import PinVerb, pin_entry, pin_order, pin_refusal, pin_said_once
from fleet.policy.pin_progress import progress
from fleet.ports.fence import open_fence

MAINTRAIN = "maintrain"
STATES: dict[PinPhase, tuple[PinHostState, ...]] = {
    PinPhase.PREPARE: (PinHostState.TO_PREPARE,),
    PinPhase.MOVE: (PinHostState.TO_MOVE,),
    PinPhase.VERIFY: (PinHostState.MOVED,),
    PinPhase.BACK: (PinHostState.TO_MOVE, PinHostState.MOVED, PinHostState.CHECKED),
    PinPhase.VERIFY_BACK: (PinHostState.BACK,),
    PinPhase.RELEASE: (PinHostState.CHECKED, PinHostState.RESTORED),
}
"""Which hosts of a batch a phase is for."""


class PinSwitching:
    """Activities `review_pin` and `order_pin`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="review_pin")
    @mapped
    async def review_pin(self, order: PinInput) -> PinReview:
        """Look at the facts, decide what is next, and commit it; a second look finds it done."""
        async with beating():
            switch = await known_pin(self.deps, order.switch)
            if switch.state is PinState.LATE:
                await catch_up(self.deps, switch)
            look = await look_at_pin(self.deps, switch)
            step = progress(look.facts)
            rollouts = await self._co_rollouts(look, step)
            after = await self._commit(look, step, rollouts)
            await self._tell(after, look.facts)
            if after.opened_at is not None:
                await release_jobs(self.deps, after)
            # This very look may have found that it does not come (yet).
            if announced(look.facts) and after.state not in (PinState.CHECKING, PinState.CALLED_OFF):
                await self._announce(after, look)
            return await self._review(after, look.facts, step, rollouts)

    async def _co_rollouts(self, look: PinLook, step: PinStep) -> tuple[RolloutInput, ...]:
        check = look.facts.check
        if not step.co_rollout or check is None:
            return ()
        return await open_co_rollouts(self.deps, look.switch, check, look.up)

    async def _commit(self, look: PinLook, step: PinStep, rollouts: tuple[RolloutInput, ...]) -> PinSwitch:
        opened = tuple(r.rollout for r in rollouts)
        same = (step.state, step.reason) == (look.switch.state, look.switch.reason)
        if same and not opened and not step.prepares_more:
            return look.switch
        return await self.deps.store.change_pin_switch(look.switch.id, _change(look, step, opened))

    async def _tell(self, switch: PinSwitch, facts: PinFacts) -> None:
        waits = not switch.aborted  # one that was aborted just now asks nobody for anything: the next look calls it off
        if switch.state is PinState.CHECKING and switch.changed_at > switch.started_at and waits:
            await self.deps.page(pin_pages.checks_anew(switch))
        elif switch.state is PinState.ASKING and not switch.approved_by and waits:
            ready = facts.counts.get(PinHostState.PREPARED, 0)
            await self.deps.page(pin_pages.asks_approval(switch, ready))
        elif switch.state is PinState.RESTORING:
            await self.deps.page(pin_pages.goes_back(switch))
        elif switch.state is PinState.LATE:
            for host in await self.deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,)):
                await self.deps.page(pin_pages.late(switch, host, facts.pins))
        elif switch.state is PinState.CALLED_OFF:
            await self._leave_nothing(switch)

    async def _leave_nothing(self, switch: PinSwitch) -> None:
        """Lift and withdraw whatever a switch that was called off has closed or asked for, at its earlier tries too.

        Its request may be granted at this very moment: nothing of it has begun.
        """
        if switch.ask:  # it was granted before, and asked anew
            await open_all(self.deps, switch, switch.reason, open_fence)
        for ask in range(switch.ask + 1):
            await self.deps.store.withdraw(ids.request(switch.id, ask), switch.reason, await self.deps.clock())

    async def _announce(self, switch: PinSwitch, look: PinLook) -> None:
        """Tell the jobs of today that the switch comes; one that can't be told now is told when it closes."""
        cluster = await self.deps.cluster(switch.spec.cluster)
        if not (any(p.drain.signal for p in cluster.pools) or await self.deps.store.names_signals(cluster.name)):
            return
        try:
            view = await self.deps.reach(cluster.name).scheduler.view(not_before=time.monotonic())
        except DriverError as error:
            activity.logger.warning(f"no job can be told of {switch.id} now: {error}")
            return
        await tell_jobs(self.deps, switch, cluster, look.members, on_members(view, look.members))

    async def _review(
        self, switch: PinSwitch, facts: PinFacts, step: PinStep, rollouts: tuple[RolloutInput, ...]
    ) -> PinReview:
        states = STATES[step.phase] if step.phase is not None else ()
        changed = switch.state is not step.state  # somebody was faster: look again
        wait = None if step.until is None else max(0.0, (step.until - facts.now).total_seconds())
        return PinReview(
            action=PinAction.AGAIN if changed else step.action,
            reason=switch.reason or step.reason,
            state=switch.state,
            phase=step.phase,
            batches=await self.deps.store.pin_batches(switch.id, states) if states else (),
            wait_seconds=wait,
            breaks_off=step.breaks_off or switch.state in (PinState.RESTORING, PinState.CALLED_OFF),
            rollouts=rollouts,
            picture=pin_view(switch, facts.counts, step.reason),
            refusals={v: why for v in PinVerb if (why := pin_refusal(switch, v))},
        )

    @activity.defn(name="order_pin")
    @mapped
    async def order_pin(self, order: PinOrder) -> str:
        """Put a person's word in force as a row, once however often it is tried; what it did, in words. `Refused` with
        the reason.
        """
        info = activity.info()
        async with beating():
            change = pin_order(order, PinVerb(order.verb), await self.deps.clock())
            once = pin_said_once(change, f"{info.workflow_run_id}/{info.activity_id}")
            after = await self.deps.store.change_pin_switch(order.switch, once)
        return after.aborted or f"approved by {after.approved_by or order.actor}"


async def known_pin(deps: Deps, switch_id: str) -> PinSwitch:
    """A switch by its id. `InvalidInput` when it was never started."""
    found = await deps.store.pin_switch(switch_id)
    if found is None:
        raise InvalidInput("pin switch", switch_id, "expected one that was started")
    return found


def _change(look: PinLook, step: PinStep, rollouts: tuple[str, ...]) -> Callable[[PinSwitch], PinChange]:
    """What a step makes of the switch it was decided for; none when somebody was faster."""
    seen, now = look.switch, look.facts.now

    def change(before: PinSwitch) -> PinChange:
        if (before.state, before.aborted, before.ask) != (seen.state, seen.aborted, seen.ask):
            return PinChange(switch=before)
        anew = step.state is PinState.CHECKING and before.state is not PinState.CHECKING
        after = before.model_copy(
            update={
                "state": step.state,
                "reason": step.reason,
                "changed_at": now if step.state is not before.state else before.changed_at,
                "co_rollouts": (*before.co_rollouts, *rollouts),
                # What was approved no longer holds: it is asked for anew, as is the cluster, and jobs are told anew.
                "approved_by": "" if step.state is PinState.CHECKING else before.approved_by,
                "ask": before.ask + anew,
                "checks": before.checks + anew,
            }
        )
        entry = pin_entry(before, step.state, MAINTRAIN, step.reason, now) if step.state is not before.state else None
        adds = look.unprepared if step.prepares_more else ()
        return PinChange(switch=after, hosts=_hosts(look, step), adds=adds, audit=entry)

    return change


def _hosts(look: PinLook, step: PinStep) -> tuple[PinHost, ...] | None:
    """The hosts' rows as a new state begins with them."""
    if (look.switch.state, step.state) == (PinState.CHECKING, PinState.PREPARING):
        return rows(look.up, PinHostState.TO_PREPARE, len(look.switch.spec.targets))
    if (look.switch.state, step.state) == (PinState.REQUESTING, PinState.CLOSING):
        return rows(look.leased, PinHostState.TO_MOVE, len(look.switch.spec.targets))
    return None
