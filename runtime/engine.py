"""`fleet.ports.engine.Engine` over Temporal."""

from datetime import UTC, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from fleet.errors import Unreachable
from fleet.models.base import Moment

_AT_ONCE = 200
"""Events of a history that are read at once, the newest first."""
_ANSWERS_WITHIN = timedelta(seconds=5)
"""Time for each such reading: a stop waits for it."""


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

    async def signalled(self, workflow_id: str, run_id: str, signal: str) -> Moment | None:
        """By the newest such event of the run's history. Raises `Unreachable`."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=_AT_ONCE,
        )
        while True:
            try:
                page = await self._client.workflow_service.get_workflow_execution_history_reverse(
                    request, timeout=_ANSWERS_WITHIN
                )
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise Unreachable(f"Temporal did not show what came to {workflow_id}: {error.message}") from error
            for event in page.history.events:
                if event.workflow_execution_signaled_event_attributes.signal_name == signal:
                    return event.event_time.ToDatetime(UTC)
            if not page.next_page_token:
                return None
            request.next_page_token = page.next_page_token
