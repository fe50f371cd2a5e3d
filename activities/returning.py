"""The last step: show the installed versions, lift our drain and give the lease back, in this order, so that no instant
lacks an owner, and no job lands on other versions than its scheduler tells.
"""

import time

from temporalio import activity

from activities.acting import Acting
from activities.attempt import StoppedAtFence
from activities.barred import Barred
from activities.counting import count_outcome
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.handovers import unless_taken, unless_taken_meanwhile
from activities.ladder import end_rung
from activities.offboarded import unless_offboarded_since_gate
from activities.parked import parked_by, unless_parked
from activities.pin_guard import unless_off_pin
from activities.publishing import publish_versions
from activities.recording import recorded
from activities.room_bell import RoomBell
from fleet.errors import BadAnswer, ForeignHold, HostNotBack, HostState
from fleet.models.footing import Footing, outsider_since
from fleet.models.rungs import RungEnd
from fleet.models.scheduler import NodeBase
from fleet.models.work import HostOutcome, Outcome, StepAction, StepOrder, StepResult
from fleet.policy.stopping import Deed
from fleet.ports.fence import Fence, open_fence


class Returning:
    """Activity `return`."""

    def __init__(self, deps: Deps) -> None:
        self.deps, self._bell = deps, RoomBell(deps)

    @activity.defn(name="return")
    @mapped
    async def return_host(self, order: StepOrder) -> StepResult:
        """Put the host back into production, or leave it under another's hold, and end its lease with an outcome."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._return(acting))

    async def _return(self, acting: Acting) -> StepResult:
        order, store = acting.order, self.deps.store
        footing = await acting.footing()
        lease = footing.lease
        if lease is None or lease.operation != order.operation:
            known = await store.outcomes(order.cluster, host=order.host, limit=20)
            if any(o.operation == order.operation for o in known):
                if order.repair:
                    await end_rung(self.deps, order.operation, order.attempt, RungEnd.CURED, order.reason)
                return StepResult(action=StepAction.GO_ON, reason="it had returned before")
            acting.check_lease(footing)
        await unless_taken(self.deps, order)
        reason = order.reason
        await publish_versions(acting)
        if order.undrain:
            waits = parked_by(footing, order)
            if waits is not None:
                await acting.keep_drained()  # an earlier attempt may have lifted it, and died before it let go
                return waits
            if order.outcome is Outcome.GIVEN_BACK and outsider_since(footing.intents) is not None:
                return _verified_first(order)
            try:
                reason = await self._take_jobs_again(acting, footing) or reason
            except StoppedAtFence as stop:
                return StepResult(action=StepAction.HOLD, reason=stop.answer.reason)
            except HostNotBack as lost:
                return StepResult(action=StepAction.HAND_OVER, reason=str(lost), host_state=HostState.UNKNOWN)
        else:
            await _may_be_left(acting, footing)()
        outcome = order.outcome or Outcome.UPGRADED
        row = self._outcome(order, outcome, reason)
        # A repair that was taken up anew while this attempt stood still keeps the host: it may have begun a step.
        at, held = await store.clock(), acting.held_since
        await store.release(order.cluster, order.host, order.operation, row, at, since=held)
        count_outcome(row)
        if order.repair:
            await end_rung(self.deps, order.operation, order.attempt, RungEnd.CURED, reason)
        await self._bell.ring(order.cluster, order.pool)
        return StepResult(action=StepAction.GO_ON, reason=reason)

    async def _take_jobs_again(self, acting: Acting, footing: Footing) -> str:
        """`_undrain`. Raises `HostNotBack` for a host that the scheduler has lost for as long as a reboot may take."""
        order = acting.order
        barred = Barred(acting, (await self.deps.cluster(order.cluster)).host_back_within)
        while True:
            try:
                return await self._undrain(acting, footing)
            except BadAnswer as error:
                view = await acting.hands.scheduler.view(not_before=time.monotonic())
                node = view.nodes.get(order.host)
                if node is None or not (node.not_responding or node.base is NodeBase.DOWN):
                    raise
                if await barred.for_good(error):
                    raise HostNotBack(f"it is well, but its scheduler has lost it: {error}") from error

    async def _undrain(self, acting: Acting, footing: Footing) -> str:
        """Lift our drain; the sentence to keep when another's hold is on the host meanwhile."""
        # A host in repair may have been rebooted by a person, or have come back late: that left it down, too.
        rebooted = acting.order.repair or footing.rebooted
        fence = unless_off_pin(acting, footing, acting.fence(Deed.RETURN))
        fence = unless_parked(acting, unless_offboarded_since_gate(acting, fence))
        fence = unless_taken_meanwhile(self.deps, acting.order, fence)
        try:
            await acting.hands.scheduler.undrain(acting.order.host, acting.owned, fence, rebooted=rebooted)
        except ForeignHold as hold:
            await unless_taken(self.deps, acting.order, hold.holder)
            await _may_be_left(acting, footing)()
            return f"{acting.order.reason}; left drained by another: {hold.holder}"
        return ""

    def _outcome(self, order: StepOrder, outcome: Outcome, reason: str) -> HostOutcome:
        return HostOutcome(
            cluster=order.cluster,
            pool=order.pool,
            host=order.host,
            operation=order.operation,
            visit=order.visit,
            outcome=outcome,
            cause=order.cause,
            reason=reason,
            applied=order.applied if outcome is not Outcome.GIVEN_BACK else (),
            at=now(),
        )


def _may_be_left(acting: Acting, footing: Footing) -> Fence:
    """The fence of what is left in another's hands, who may let it serve jobs as it is."""
    return unless_off_pin(acting, footing, unless_offboarded_since_gate(acting, open_fence))


def _verified_first(order: StepOrder) -> StepResult:
    """We did nothing to it, and an outsider may have."""
    reason = f"{order.reason}; verified first, since an outsider worked on its scope"
    return StepResult(action=StepAction.SKIP_TO_VERIFY, reason=reason, cause=order.cause)
