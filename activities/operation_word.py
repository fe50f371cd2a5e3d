"""What an operation's word means for the share of one host, read from its row."""

from activities.deps import Deps
from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.operation import Operation
from fleet.models.work import StepOrder


async def known_operation(deps: Deps, op_id: str) -> Operation:
    """An operation by its id. `InvalidInput` when it was never submitted."""
    found = await deps.store.operation(op_id)
    if found is None:
        raise InvalidInput("operation", op_id, "expected one that was submitted")
    return found


async def operation_of(deps: Deps, order: StepOrder) -> Operation | None:
    """The submitted operation that a step belongs to; None for a visit's or a repair's."""
    op_id = ids.op_of(order.operation)
    return None if op_id is None else await known_operation(deps, op_id)


async def called_off(deps: Deps, order: StepOrder) -> str:
    """Why an operation's host is not to be taken out any more; empty while it is."""
    op = await operation_of(deps, order)
    if op is None or not (op.over or op.word is not None):
        return ""
    if op.word is None:
        return f"{op.id} is over: {op.reason}"
    return f"{op.id} was {op.word.told}"
