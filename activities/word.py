"""A person's word that comes while a step of a repair is under way: the workflow hears it, and the step, of which only
its own intent tells whether it may be left as it is, learns of it by a row.
"""

from temporalio import activity

from activities.acting import Acting
from activities.deps import Deps, beating, now
from activities.failing import mapped
from activities.ladder import leave_to_person
from fleet.models.footing import Footing
from fleet.models.intent import IntentState
from fleet.models.messages import Command
from fleet.models.work import HostWork, StepAction, StepOrder, StepResult


class Words:
    """Activity `note_word`."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    @activity.defn(name="note_word")
    @mapped
    async def note_word(self, order: StepOrder, said: Command) -> None:
        """Tell the step under way, and the book, whose ladder the word ends."""
        async with beating():
            work = HostWork(
                cluster=order.cluster,
                pool=order.pool,
                host=order.host,
                operation=order.operation,
                tries=order.attempt,
            )
            await leave_to_person(self.deps, work, said)
            await self.deps.store.first_time(_key(order), now())


async def gives_way_to_a_person(acting: Acting, footing: Footing) -> StepResult | None:
    """How a step ends that a person's word overtook before it began; None to go on waiting.

    What may have begun goes on to its end: nobody may work on the host beside it.
    """
    order = acting.order
    intent = footing.intent(order.step.key)
    begun = intent is not None and intent.state is not IntentState.WITHDRAWN
    if not order.repair or begun or not await acting.deps.store.claimed(_key(order)):
        return None
    acting.end = None
    return StepResult(action=StepAction.HAND_OVER, reason="a person spoke before it began")


def _key(order: StepOrder) -> str:
    return f"word/{order.record}/{order.step.key}"
