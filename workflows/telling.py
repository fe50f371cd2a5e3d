"""Signals between workflows, and what a person's signal may carry."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fleet.models.messages import Command

Note = Command | str | Any | None
"""A stop must never be lost for its form: a command, a bare sentence, any other payload, or nothing at all will do."""

REASON_AT_MOST = 500
"""Characters of a payload that are kept as the reason."""


def command(note: Note) -> Command:
    """The command in a note."""
    if isinstance(note, Command):
        return note
    return Command(actor="a signal", reason=str(note)[:REASON_AT_MOST] if note else "no reason given")


async def tell(workflow_id: str, signal: str, args: Sequence[object] = ()) -> bool:
    """Signal another workflow; False when it no longer exists."""
    handle: workflow.ExternalWorkflowHandle[object] = workflow.get_external_workflow_handle(workflow_id)
    try:
        await handle.signal(signal, args=args)
    except ApplicationError as error:
        workflow.logger.info(f"{workflow_id} could not be told {signal}: {error}")
        return False
    return True
