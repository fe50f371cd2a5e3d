"""The door for disruptive work, as programs use it: the command line does, and so can any other system in Python.

async with Operations.open() as door:
op = (await door.submit(Asked("replace-nic", ["sim/host/gpu007"], "dcim", "ticket 4711", key="ticket-4711"))).operation
...
await door.say(op.id, Said.DONE, "dcim", "the NIC is in")
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fleet.errors import InvalidInput, MaintrainError
from fleet.models.ledger import RequestState
from fleet.models.operation import Operation, OperationState, Said, Word
from fleet.policy.explaining import Explanation, explain
from fleet.policy.operation_orders import speak
from fleet.ports.store import Store
from starter.engine import engine, signal, start_operation
from starter.op_plan import Plan, make_plan
from starter.op_spec import Asked, spec_of
from starter.session import facts


@dataclass(frozen=True)
class Submitted:
    """An operation as it stands, and what became of starting it."""

    operation: Operation
    new: bool
    """False when it had been submitted under its key before."""
    told: str


class Operations:
    """Submit, look at and end operations. Every method raises what a command would show as its one error."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    @asynccontextmanager
    async def open(cls) -> "AsyncIterator[Operations]":
        """The door of the installation that the settings name."""
        async with facts() as store:
            yield cls(store)

    async def plan(self, asked: Asked) -> Plan:
        """Check what is asked and say what it would take; nothing is written."""
        return await make_plan(self._store, spec_of(asked))

    async def submit(self, asked: Asked) -> Submitted:
        """Write an operation and start it. The same key and content again is the same operation; `InvalidInput` for the
        same key with another content. The row decides: with Temporal down a dispatcher starts it later.
        """
        spec = spec_of(asked)
        if await self._store.operation_of_key(spec.key) is None:  # what was submitted before was checked then
            await make_plan(self._store, spec)
        op, new = await self._store.submit_operation(spec, await self._store.clock())
        return Submitted(op, new, await self._start(op))

    async def operation(self, op_id: str) -> Operation:
        """An operation by its id, or its number. `InvalidInput` names the newest ones."""
        wanted = op_id if op_id.startswith("op/") else f"op/{op_id}"
        found = await self._store.operation(wanted)
        if found is None:
            names = [op.id for op in await self._newest()]
            there = ", ".join(names[:5]) or "none was submitted yet"
            raise InvalidInput("OPERATION", "", f"expected one that was submitted ({there}), found {op_id!r}")
        return found

    async def operations(self, *, over: bool | None = None, limit: int = 200) -> tuple[Operation, ...]:
        """The newest first."""
        return await self._store.operations(over=over, limit=limit)

    async def say(self, op_id: str, said: Said, actor: str, reason: str) -> Submitted:
        """Report that an operation's work is done or failed, or call it off. `Refused` with the reason."""
        op = await self.operation(op_id)
        word = Word(said=said, actor=actor, reason=reason, at=await self._store.clock())
        after = await self._store.change_operation(op.id, speak(word))
        return Submitted(after, False, await self._start(after))

    async def explain(self, op_id: str) -> tuple[Operation, tuple[Explanation, ...]]:
        """Why an operation waits: by request, one for each cluster."""
        op = await self.operation(op_id)
        waiting = [r for r in await self._store.operation_requests(op.id) if r.state is RequestState.WAITING]
        now = await self._store.clock()
        return op, tuple([explain(await self._store.facts(r.cluster, now), r) for r in waiting])

    async def waits(self, op: Operation) -> str:
        """Why an operation is where it is, as of the last settling."""
        if op.state is not OperationState.ASKING:
            return op.reason or "not looked at yet"
        requests = await self._store.operation_requests(op.id)
        return "; ".join(dict.fromkeys(r.waits_because for r in requests if r.waits_because)) or op.reason

    async def _newest(self) -> tuple[Operation, ...]:
        return await self._store.operations(limit=50)

    async def _start(self, op: Operation) -> str:
        """Start the operation's workflow, or wake it. Never fails, for the row is in force."""
        if op.over:
            return f"{op.id} is over"
        try:
            async with engine() as client:
                if await start_operation(client, op):
                    return f"started: {op.id}"
                await signal(client, op.id, "wake")
        except MaintrainError:
            return "Temporal does not answer; it is in force in the store, and a dispatcher takes it up"
        return f"told: {op.id}"
