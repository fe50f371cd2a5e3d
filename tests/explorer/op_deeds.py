"""What a submitted operation does to the ledger: its look, its hold of a host, and the outsider's word."""

import time

from activities.deps import Deps
from activities.operation import Operating
from activities.operation_facts import operation_facts
from activities.operation_word import known_operation
from fleet import ids
from fleet.errors import Refused
from fleet.models.intent import Before, IntentState
from fleet.models.ledger import RequestState
from fleet.models.operation import BEFORE_GRANT, OperationState, Said, Word
from fleet.policy.operation_orders import speak
from fleet.policy.operation_progress import progress
from tests.explorer.moments import NOW

TOKEN = "the worker"


class OperationDeeds:
    """Each runs on the ledger that the store holds now."""

    deps: Deps

    async def _op_look(self, op_id: str):
        """As `activities.operation` looks: the row's state, whether it has its word, and the hosts that it holds."""
        operating, op = Operating(self.deps), await known_operation(self.deps, op_id)
        if op.over:
            return op.state.value, True, ()
        if op.state is OperationState.ASKING and op.word is None:
            await operating._ask(op)
        facts = await operation_facts(self.deps, await known_operation(self.deps, op_id))
        after = await operating._commit(facts, progress(facts), time.monotonic())
        for request in facts.requests if after.state not in BEFORE_GRANT else ():
            if request.state is RequestState.GRANTED and request.acknowledged_at is None:
                await self.deps.store.acknowledge(request.id, NOW)
        held = {x.host: x.operation for x in await self.deps.store.leases(op_id)} if not after.over else {}
        return after.state.value, after.word is not None or after.over, tuple(sorted(held.items()))

    async def _say(self, op_id: str, said: Said):
        word = Word(said=said, actor="ann", reason="explored", at=NOW)
        try:
            await self.deps.store.change_operation(op_id, speak(word))
        except Refused:
            return False
        return True

    async def _parked(self, host: str, operation: str):
        """Because of an operation other than its own."""
        parkings = await self.deps.store.parkings("c1", host)
        return any(p.operation != ids.op_of(operation) for p in parkings)

    async def _hold(self, operation: str):
        await self.deps.store.open_intent(operation, "hold", TOKEN, Before(), NOW)

    async def _end_hold(self, operation: str):
        await self.deps.store.finish_intent(operation, "hold", TOKEN, IntentState.DONE, "explored")
