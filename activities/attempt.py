"""One attempt of a step, and the checks that stand between it and its side effect: the lease, the stops, the fence."""

import time

from temporalio import activity

from activities.deps import Deps, now
from activities.giving_way import halted
from activities.holding import FENCE_LIFE, check_holder
from activities.pin_forward import called_back
from fleet import ids
from fleet.errors import StaleAttempt
from fleet.models.base import Moment
from fleet.models.footing import Footing
from fleet.models.intent import Before, Intent, IntentEnd, IntentState
from fleet.models.work import StepOrder
from fleet.policy.parking import parked
from fleet.policy.stopping import Deed, MayBegin, Proceed, may_begin
from fleet.ports.fence import Fence

FROZEN = "frozen"
"""How the keys begin that tell which freezes held a step, by the reason in words, which has its time."""


class StoppedAtFence(Exception):
    """A stop or freeze came into force after the step began and before its effect was sent."""

    def __init__(self, answer: MayBegin) -> None:
        self.answer = answer
        super().__init__(answer.reason)


class Attempt:
    """One attempt of one step on one host: what it may do, and what it writes down."""

    def __init__(self, deps: Deps, order: StepOrder) -> None:
        self.deps, self.order = deps, order
        self.hands = deps.reach(order.cluster)
        info = activity.info()
        self.token = f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        self.owned = ids.drain_reason(ids.REPAIR if order.repair else ids.PLANNED, order.operation)
        self.began: Moment = now()
        self.doubt = ""
        """What became of sending a rung's effect, where that can't be told; added to how the rung ended."""
        self.end: IntentEnd | None = None
        """Set by what ends the step's intent: written together with the step's evidence."""
        self.held_since: Moment | None = None
        """Since when our lease is held, as this attempt read it first."""

    async def footing(self) -> Footing:
        """What this step stands on, read from the store just now."""
        order = self.order
        footing = await self.deps.store.footing(order.cluster, order.pool, order.host, order.record)
        if self.held_since is None and footing.lease is not None and footing.lease.operation == order.operation:
            self.held_since = footing.lease.since
        return footing

    def may_begin(self, deed: Deed, footing: Footing, *, finishing: bool = False) -> MayBegin:
        """Ask the stops in force, and those who work on the host's scope. `finishing`: the deed ends what was begun, so
        this is no safe point.
        """
        order = self.order
        # What was written and waits for its boot is no safe point to park at.
        begun = (not order.step.safe_before and not order.step.back) or (order.step.rung and bool(order.applied))
        parks = deed is Deed.DISRUPT and not finishing and not begun
        because = footing.parked_for(order.operation) if parks else None
        if because is not None:
            return parked(because)
        return may_begin(
            footing.stops,
            order.cluster,
            order.pool,
            deed,
            repair=order.repair,
            safe_point=order.step.safe_before and not finishing,
            moved_to=footing.moved_to,
        )

    async def goes_on(self, deed: Deed, footing: Footing, *, finishing: bool = False) -> MayBegin:
        """`may_begin`, and what the rows of the work itself say: those of a pin switch, and of an emergency."""
        answer = self.may_begin(deed, footing, finishing=finishing)
        if answer.answer is not Proceed.GO or finishing:
            return answer
        deps, order = self.deps, self.order
        return await called_back(deps, order, deed) or await halted(deps, order, deed) or answer

    def check_lease(self, footing: Footing) -> None:
        """Raise `LeaseLost` unless our operation holds the host; `StaleAttempt` when it took it up anew meanwhile: a
        repair whose workflow was ended from outside goes on under its name, and this may be what it left running.
        """
        check_holder(footing.lease, self.order.host, self.order.operation)
        if footing.lease is not None and footing.lease.since != self.held_since:
            raise StaleAttempt(f"{self.order.operation} took {self.order.host} up anew after this attempt began")

    def check_newest(self, known: Intent | None) -> None:
        """Raise `StaleAttempt` when a later attempt of this very step has begun, as its intent tells: who stood still,
        and wakes while that one's successors return the host, must not drain it again.
        """
        before, _, number = known.token.rpartition("/") if known is not None else ("", "", "")
        mine, _, attempt = self.token.rpartition("/")
        if before == mine and int(number) > int(attempt):
            raise StaleAttempt(f"{self.order.step.key} on {self.order.host} was taken over by a newer attempt")

    def fence(self, deed: Deed, intent: Intent | None = None, *, finishing: bool = False) -> Fence:
        """The check a driver makes last before its effect: token, lease and stops, read within FENCE_LIFE.

        `finishing` as in `may_begin`.
        """

        async def check() -> None:
            started = time.monotonic()
            footing = await self.footing()
            self.check_lease(footing)
            self.check_newest(footing.intent(self.order.step.key))
            answer = await self.goes_on(deed, footing, finishing=finishing)
            if answer.answer is not Proceed.GO:
                raise StoppedAtFence(answer)
            if intent is not None:
                current = footing.intent(intent.step)
                if current is None or current.token != self.token:
                    raise StaleAttempt(f"{intent.step} on {self.order.host} was taken over by a newer attempt")
            if time.monotonic() - started > FENCE_LIFE:
                raise StaleAttempt(f"{intent.step if intent else deed} on {self.order.host}: the check took too long")

        return check

    async def open_intent(self, before: Before, *, cluster: str | None = None) -> Intent:
        """Write the intent in our name, beside no settling of the `cluster`, if one is named. `StaleAttempt` when
        another attempt wrote it first.
        """
        began, (record, step) = await self.deps.clock(), (self.order.record, self.order.step.key)
        intent = await self.deps.store.open_intent(record, step, self.token, before, began, cluster=cluster)
        if intent.token != self.token:
            raise StaleAttempt(f"{self.order.step.key} on {self.order.host} is in the hands of another attempt")
        return intent

    async def take_over(self, intent: Intent) -> float:
        """Make an earlier attempt's intent ours; the monotonic instant from which its fence runs out."""
        if intent.token != self.token and not await self.deps.store.take_over_intent(
            intent.operation, intent.step, intent.token, self.token, now()
        ):
            raise StaleAttempt(f"{intent.step} on {self.order.host} was taken over by a newer attempt")
        return time.monotonic()

    async def withdraw(self, why: str) -> None:
        """Close the step's intent: nothing was sent under it."""
        order = self.order
        await self.deps.store.finish_intent(order.record, order.step.key, self.token, IntentState.WITHDRAWN, why)

    def finish(self, state: IntentState, result: str) -> None:
        """Have the step's intent closed together with the evidence that the step leaves."""
        self.end = IntentEnd(token=self.token, state=state, result=result)

    def touched(self, footing: Footing) -> bool:
        """True when any change but this step's own was begun in this try."""
        # What its visit did to a host in repair is why it is there.
        return self.order.repair or footing.touched(but=self.order.step.key)

    async def begin_again(self, intent: Intent, at: Moment | None = None) -> Intent:
        """An earlier attempt's intent, under which nothing had begun, as of now: its time counts from here, or from
        `at`. What was sent under it stays noted.
        """
        began = at or await self.deps.clock()
        await self.deps.store.begin_again(intent.operation, intent.step, self.token, began)
        return intent.model_copy(update={"opened_at": began})
