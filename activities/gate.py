"""The gate: no host returns through it unverified, whatever path it takes."""

import asyncio

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.recording import recorded
from fleet.errors import DriverError, HostState
from fleet.models.fleetfile import Cluster
from fleet.models.footing import Footing
from fleet.models.pool import Pool
from fleet.models.rollouts import Offboarded
from fleet.models.verification import Verdict
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.compatibility import allowed
from fleet.policy.draining import DrainState
from fleet.policy.gating import GateFacts, gate
from fleet.policy.offboarding import offboarded_by, still_carried, to_undo, way_back

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
        cluster, pool = await self.deps.pool(order.cluster, order.pool)
        footing = await acting.footing()
        rebooted, touched = order.repair or footing.rebooted, acting.touched(footing)
        drained = await acting.look(rebooting=rebooted)
        if drained.state in (DrainState.UNDRAINED, DrainState.DRAINING) and touched:
            held = await acting.hold_drained(rebooting=rebooted)
            if held is not None:
                return held
            drained = await acting.look(rebooting=rebooted)
        ended = await store.offboarded()
        if touched and drained.state in (DrainState.DRAINED, DrainState.FOREIGN):
            back = await self._back(acting, cluster, pool, footing, ended)
            if back is not None:
                return back
        versions = await self._versions(acting)
        entries = await store.matrix(order.cluster)
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
        )
        return gate(facts)

    async def _back(
        self, acting: Acting, cluster: Cluster, pool: Pool, footing: Footing, ended: tuple[Offboarded, ...]
    ) -> StepResult | None:
        """The way back for a host that this very work brought a version which was offboarded since; None for others."""
        order = acting.order
        undo = to_undo(order.applied, ended, cluster) if ended else ()
        if not undo:
            return None
        names = ", ".join(f"{u.component} {u.version}" for u in undo)
        why = next((e.reason for u in undo if (e := offboarded_by(u, ended))), "")
        steps = way_back(undo, footing.intents, ended, cluster, order.required or pool.verify, pool.verify_duration)
        if steps is None:
            reason = f"{names} was offboarded in mid visit ({why}), and there is no way back to an earlier version"
            return StepResult(action=StepAction.HAND_OVER, reason=reason, host_state=HostState.PARTLY_APPLIED)
        reason = f"{names} was offboarded in mid visit and is rolled back: {why}"
        return StepResult(action=StepAction.ROLL_BACK, reason=reason, host_state=HostState.PARTLY_APPLIED, steps=steps)

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
        """The last verdict of each task in this try, as long as it was reached."""
        steps = await self.deps.store.steps(acting.order.record)
        found = (s.verification for s in steps if s.verification is not None and s.action is StepAction.GO_ON)
        return {v.task: v.verdict for v in found}
