"""The gate: no host returns through it unverified, whatever path it takes."""

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.recording import recorded
from fleet.errors import DriverError
from fleet.models.intent import IntentState
from fleet.models.verification import Verdict
from fleet.models.work import StepAction, StepOrder, StepResult
from fleet.policy.compatibility import allowed
from fleet.policy.draining import DrainState
from fleet.policy.gating import GateFacts, gate


class Gating:
    """Activity `gate`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

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
        intents = [i for i in await store.intents(order.record) if i.state is not IntentState.WITHDRAWN]
        rebooted = any(i.step == "reboot" for i in intents)
        touched = order.repair or any(i.step != "drain" for i in intents)
        drained = await acting.look(rebooting=rebooted)
        if drained.state is DrainState.UNDRAINED and touched:
            held = await acting.hold_drained(rebooting=rebooted)
            drained = await acting.look(rebooting=rebooted) if held is None else drained
        versions = await self._versions(acting)
        entries = await store.matrix(order.cluster)
        facts = GateFacts(
            host=order.host,
            owned_reason=acting.owned,
            drained=drained,
            versions=versions,
            allowed=allowed(versions or {}, cluster, entries),
            verifications=await self._verdicts(acting),
            required=pool.verify,
            touched=touched,
            boarded=order.applied,
            stopped_early=order.stopped_early,
            pins=cluster.pins,
        )
        return gate(facts)

    async def _versions(self, acting: Acting) -> dict[str, str] | None:
        try:
            versions = await acting.hands.hardware.versions(acting.order.host)
        except DriverError as error:
            activity.logger.warning(f"versions of {acting.order.host} can't be read back: {error}")
            if activity.info().attempt > 2:  # noqa: PLR2004 - a third silence is an answer: repair
                return None
            raise
        await self.deps.store.record_versions(acting.order.cluster, acting.order.host, versions, now())
        return versions

    async def _verdicts(self, acting: Acting) -> dict[str, Verdict]:
        """The last verdict of each task in this try, as long as it was reached."""
        steps = await self.deps.store.steps(acting.order.record)
        found = (s.verification for s in steps if s.verification is not None and s.action is StepAction.GO_ON)
        return {v.task: v.verdict for v in found}
