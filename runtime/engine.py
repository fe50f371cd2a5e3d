"""`fleet.ports.engine.Engine` over Temporal."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from fleet.errors import Unreachable


class TemporalEngine:
    """Answers whether holders still exist."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def running(self, workflow_id: str) -> bool:
        """True while a run of that id is open; an id that was never seen is not running. Raises `Unreachable`."""
        try:
            description = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Unreachable(f"Temporal did not say whether {workflow_id} runs: {error.message}") from error
        return description.status is WorkflowExecutionStatus.RUNNING

    async def wake(self, workflow_id: str) -> bool:
        """Signal `wake`; False when no run of that id is open. Raises `Unreachable`."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal("wake")
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise Unreachable(f"Temporal did not take the word for {workflow_id}: {error.message}") from error
        return True
