"""The gate: no host returns through it unverified, whatever path it takes."""

import asyncio

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.held_back import held_back
from activities.lemon_facts import lemon_here
from activities.parked import parked_by
from activities.pin_guard import unsettled_pin, waits_for
from activities.recording import recorded
from fleet.errors import DriverError, HostState
from fleet.models.fleetfile import Cluster
from fleet.models.footing import Footing, outsider_since
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.rollouts import Offboarded
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.compatibility import allowed
from fleet.policy.draining import DrainState
from fleet.policy.gating import GateFacts, gate
from fleet.policy.offboarding import offboarded_by, still_carried, to_undo, undone_whole, way_back

ASK_AGAIN_AFTER = (1.0, 4.0, 10.0)
"""Seconds after which a host that did not tell its versions is asked once more: a BMC may be busy for a while."""


class Gating:
    """Activity `gate`."""

    def __init__(self, deps: Deps, ask_again_after: tuple[float, ...] = ASK_AGAIN_AFTER) -> None:
        self.deps, self._ask_again_after = deps, ask_again_after

    @activity.defn(name="gate")
    @mapped
    async def gate(self, order: StepOrder) -> StepResult:
        """Read the host back and decide whether it may return."""
        acting = Acting(self.deps, order)
        async with beating():
            return await recorded(acting, lambda: self._gate(acting))

    async def _gate(self, acting: Acting) -> StepResult:
        order, store = acting.order, self.deps.store
        unsettled = await unsettled_pin(self.deps, order.cluster, order.operation)
        if unsettled is not None:
            return StepResult(action=StepAction.HOLD, reason=waits_for(unsettled))
        cluster, pool = await self.deps.pool_of(order.cluster, order.host, order.pool)
        footing = await acting.footing()
        waits = parked_by(footing, order)
        waits = waits or await held_back(self.deps, order)
        if waits is not None:
            return waits
        rebooted, touched = order.repair or footing.rebooted, acting.touched(footing)
        drained = await acting.look(rebooting=rebooted)
        if drained.state in (DrainState.UNDRAINED, DrainState.DRAINING) and touched:
            held = await acting.hold_drained(rebooting=rebooted)
            if held is not None:
                return held
            drained = await acting.look(rebooting=rebooted)
        versions, entries = await self._versions(acting), await store.matrix(order.cluster)
        ended = await store.offboarded()
        if ended and touched and drained.state in (DrainState.DRAINED, DrainState.FOREIGN):
            undo = await self._to_undo(acting, cluster, footing, ended, versions, entries)
            if undo:
                return self._back(acting, undo, cluster, pool, footing, ended)
        facts = GateFacts(
            host=order.host,
            owned_reason=acting.owned,
            drained=drained,
            versions=versions,
            allowed=allowed(versions or {}, cluster, entries),
            verifications=await self._verdicts(acting),
            required=order.required or pool.verify,
            touched=touched,
            boarded=order.applied,
            stopped_early=order.stopped_early,
            pins=cluster.pins,
            offboarded=still_carried(versions or {}, ended) if order.repair else "",
            lemon=await self._lemon(order),
        )
        return gate(facts)

    async def _to_undo(
        self,
        acting: Acting,
        cluster: Cluster,
        footing: Footing,
        ended: tuple[Offboarded, ...],
        versions: dict[str, str] | None,
        entries: tuple[MatrixEntry, ...],
    ) -> tuple[Upgrade, ...]:
        """What this very work brought the host and is not to stay: what was offboarded since, and the rest where that
        can't stand alone.
        """
        order = acting.order
        undo = to_undo(order.applied, ended, cluster)
        work = await self.deps.store.work(order.operation) if versions is not None and not order.step.back else None
        boarded = [s.upgrade for s in work.steps if s.upgrade is not None] if work is not None else []
        if versions is None or not any(offboarded_by(u, ended) for u in boarded):
            return undo
        return undone_whole(undo, order.applied, footing.intents, ended, cluster, versions, entries)

    def _back(
        self,
        acting: Acting,
        undo: tuple[Upgrade, ...],
        cluster: Cluster,
        pool: Pool,
        footing: Footing,
        ended: tuple[Offboarded, ...],
    ) -> StepResult:
        """The way back for a host that this very work brought a version which was offboarded since."""
        order = acting.order
        names = ", ".join(f"{u.component} {u.version}" for u in undo)
        why = next((e.reason for u in undo if (e := offboarded_by(u, ended))), "")
        what = f"was offboarded in mid visit ({why})" if why else "can't stand without what was offboarded in mid visit"
        steps = way_back(undo, footing.intents, ended, cluster, order.required or pool.verify, pool.verify_duration)
        if steps is None:
            reason = f"{names} {what}, and there is no way back to an earlier version"
            # It says nothing of what else boarded with that.
            state = HostState.PARTLY_APPLIED
            return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=state, blameless=True)
        reason = f"{names} {what} and is rolled back"
        return StepResult(action=StepAction.ROLL_BACK, reason=reason, host_state=HostState.PARTLY_APPLIED, steps=steps)

    async def _lemon(self, order: StepOrder) -> str:
        """Why a host that its visit only takes out is to stay out. Those that boarded anything were no lemons then, and
        out of repair none returns by itself: it has no ladder.
        """
        if order.repair or order.applied:
            return ""
        return await lemon_here(self.deps.store, order.cluster, order.host, await self.deps.clock())

    async def _versions(self, acting: Acting) -> dict[str, str] | None:
        """Versions as they are now. None when the host stays silent, which is an answer too: repair.

        Silences are counted here, not attempts: a worker that died at the gate says nothing about the host.
        """
        host, store = acting.order.host, self.deps.store
        for pause in (*self._ask_again_after, None):
            try:
                versions = await acting.hands.hardware.versions(host)
            except DriverError as error:
                activity.logger.warning(f"versions of {host} can't be read back: {error}")
            else:
                await store.record_versions(acting.order.cluster, host, versions, now())
                return versions
            if pause is not None:
                await asyncio.sleep(pause)
        return None

    async def _verdicts(self, acting: Acting) -> dict[str, Verdict]:
        """The last verdict of each task in this try, as long as it was reached, and reached since an outsider was last
        let on the host's scope: by when its verification was claimed, for the evidence has the time of who verified.
        """
        store, record = self.deps.store, acting.order.record
        steps, since = await store.steps(record), outsider_since(await store.intents(acting.order.operation))
        claimed = {i.step: i.opened_at for i in await store.intents(record)} if since is not None else {}
        reached = (s for s in steps if s.action is StepAction.GO_ON)
        counts = (s for s in reached if since is None or claimed.get(s.step, since) > since)
        found = (s.verification for s in counts if s.verification is not None)
        return {v.task: v.verdict for v in found}
