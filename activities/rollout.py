"""A rollout's deeds: look at how its hosts fare, decide, commit, tell; and carry out a person's word."""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import activity

from activities import rollout_pages
from activities.blaming import Blaming, note_production
from activities.deps import Deps, beating
from activities.failing import mapped
from activities.rolling_back import hurry, look_ahead
from activities.rollout_facts import RolloutLook, look_at
from activities.trial_window import TrialWindows
from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import Command, Reviewed, RolloutInput, RolloutOrder
from fleet.models.phases import GateAction, PhaseFacts, PhaseGate
from fleet.models.rollout import RollBack
from fleet.models.rollouts import HostKey, Rollout, RolloutChange, RolloutState
from fleet.policy.cohorts import cohort_domains, next_cohort
from fleet.policy.phases import gate
from fleet.policy.rollout_blame import Blamed, separable
from fleet.policy.rollout_orders import Verb, entry_of, off, order_change, refusal, said_once
from fleet.rollout_view import rollout_view

MAINTRAIN = "maintrain"
SEVERAL_LOOKS = 10
"""Observations of a cluster after which a rollout that nobody woke looks for failures in production."""
ANY_REASON = Command(reason="any")


@dataclass(frozen=True)
class _Change:
    """What a decision makes of the rollout that it was made for."""

    seen: Rollout
    gate: PhaseGate
    cohort: tuple[HostKey, ...]
    apart: tuple[str, ...]
    now: Moment

    def __call__(self, before: Rollout) -> RolloutChange:
        """The change; none when somebody was faster."""
        seen = self.seen
        if (before.state, before.phase, before.counted_since) != (seen.state, seen.phase, seen.counted_since):
            return RolloutChange(before)
        after = self._after(before)
        words = {GateAction.OPEN_NEXT: "open", GateAction.PAUSE: "pause", GateAction.OFFBOARD: "offboard"}
        words[GateAction.COMPLETE] = "complete"
        verb = words.get(self.gate.action)
        entry = None if verb is None else entry_of(before.id, verb, MAINTRAIN, self.gate.reason, self.now)
        return RolloutChange(after, self.cohort, entry)

    def _after(self, before: Rollout) -> Rollout:
        reason, now = self.gate.reason, self.now
        match self.gate.action:
            case GateAction.OPEN_NEXT:
                opened = {"phase": self.gate.phase, "phase_opened_at": now, "reason": reason, "changed_at": now}
                return before.model_copy(update=opened)
            case GateAction.PAUSE:
                return before.model_copy(
                    update={"state": RolloutState.PAUSED, "reason": f"{MAINTRAIN}: {reason}", "changed_at": now}
                )
            case GateAction.OFFBOARD:
                return off(before, reason, now)
            case GateAction.COMPLETE:
                return before.model_copy(
                    update={"state": RolloutState.COMPLETE, "reason": reason, "changed_at": now, "apart": ()}
                )
            case _:
                return before.model_copy(update={"apart": self.apart})


class RollingOut:
    """Activities `review_rollout` and `order_rollout`."""

    def __init__(self, deps: Deps) -> None:
        self.deps, self._blaming = deps, Blaming(deps)
        self._windows = TrialWindows(deps.store)

    @activity.defn(name="review_rollout")
    @mapped
    async def review_rollout(self, order: RolloutInput) -> Reviewed:
        """Look at the facts, let the gate decide, and commit what it decided; a second look finds it done."""
        async with beating():
            look = await look_at(self.deps.store, await self._rollout(order.rollout), self._windows)
            trials = await note_production(self.deps, look)
            verdict = await self._blaming.ask(look, trials)
            facts = look.facts(verdict, trials)
            decision = gate(facts)
            rollout = await self._commit(look, decision, verdict)
            look = replace(look, rollout=rollout)
            await self._tell(look, rollout, decision)
            if rollout.state is RolloutState.OFFBOARDED and rollout.roll_back is RollBack.AT_ONCE:
                await hurry(self.deps, look, rollout)
            elif rollout.state is RolloutState.OFFBOARDED:
                await look_ahead(self.deps, look, rollout)
            if decision.action is GateAction.END:
                self._windows.forget(rollout.id)
            return self._reviewed(facts, rollout, decision, look.fleet)

    async def _rollout(self, rollout_id: str) -> Rollout:
        found = await self.deps.store.rollout(rollout_id)
        if found is None:
            raise InvalidInput("rollout", rollout_id, "expected one that was started")
        return found

    async def _commit(self, look: RolloutLook, decision: PhaseGate, verdict: Blamed) -> Rollout:
        rollout = look.rollout
        cohort: tuple[HostKey, ...] = ()
        if decision.action is GateAction.OPEN_NEXT:
            domains = cohort_domains(look.fleet, look.hosts)
            cohort = next_cohort(rollout.spec, decision.phase, domains, look.frozen)
        running = rollout.state is RolloutState.RUNNING
        clusters = [c for c in look.fleet.clusters if c.name in look.hosts]
        apart = separable(rollout.spec.component, verdict.apart, clusters) if running else rollout.apart
        quiet = (GateAction.HOLD, GateAction.ASK_APPROVAL, GateAction.END)
        if decision.action in quiet and apart == rollout.apart:
            return rollout
        change = _Change(rollout, decision, cohort, apart, look.now)
        return await self.deps.store.change_rollout(rollout.id, change)

    async def _tell(self, look: RolloutLook, rollout: Rollout, decision: PhaseGate) -> None:
        if rollout.state is RolloutState.OFFBOARDED:
            await self.deps.page(rollout_pages.offboarded(rollout, len(look.on_offboarded)))
        elif decision.action is GateAction.ASK_APPROVAL:
            await self.deps.page(rollout_pages.asks_approval(rollout, decision))
        elif decision.too_many:
            await self.deps.page(rollout_pages.too_many(rollout, decision))
        elif decision.barred:
            await self.deps.page(rollout_pages.barred(rollout, decision))
        elif decision.stuck:
            await self.deps.page(rollout_pages.stuck(rollout, decision))

    def _reviewed(self, facts: PhaseFacts, rollout: Rollout, decision: PhaseGate, fleet: FleetFile) -> Reviewed:
        opened = decision.action is GateAction.OPEN_NEXT and rollout.phase != facts.rollout.phase
        again = opened or decision.action in (GateAction.PAUSE, GateAction.OFFBOARD, GateAction.COMPLETE)
        every = min((c.observe_every for c in fleet.clusters), default=timedelta(minutes=1))
        wait = SEVERAL_LOOKS * every.total_seconds()
        if decision.until is not None:
            wait = min(wait, max(0.0, (decision.until - facts.now).total_seconds()))
        return Reviewed(
            action=decision.action,
            reason=decision.reason,
            state=rollout.state,
            phase=rollout.phase_name(rollout.phase) if rollout.phase >= 0 else "",
            wait_seconds=0.0 if again else wait,
            picture=rollout_view(rollout, facts.counts, decision),
            over=decision.action is GateAction.END,
            refusals={v: why for v in Verb if (why := refusal(rollout, v, ANY_REASON))},
        )

    @activity.defn(name="order_rollout")
    @mapped
    async def order_rollout(self, order: RolloutOrder) -> str:
        """Put a person's word in force as a row, once however often it is tried; what it did, in words. `Refused` with
        the reason.
        """
        info = activity.info()
        async with beating():
            change = order_change(order, Verb(order.verb), await self.deps.clock())
            once = said_once(change, f"{info.workflow_run_id}/{info.activity_id}")
            after = await self.deps.store.change_rollout(order.rollout, once)
        return f"{after.id} is {after.state}"
