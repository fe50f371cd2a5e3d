"""A server that suggests continuing as new after 50 events and can skip a workflow's waits, and real workers on it:
the workflows' own, and one for the fake activities of the test's cluster.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from fleet import ids
from runtime.client import connect
from runtime.embedded import EmbeddedServer
from runtime.namespace import setup_namespace
from runtime.workers import workflow_runner
from tests.parts.temporal import settings_in
from tests.workflows.fakes import Fakes
from tests.workflows.make import visit_of, work_on
from workflows.registry import ALL

SUGGESTED_AT = 50
"""Events after which the server suggests to continue as new."""
DYNAMIC = (
    f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AT}",
    "frontend.WorkflowTimeSkippingEnabled=true",
)


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The server."""
    settings = settings_in(tmp_path_factory.mktemp("impatient"))
    server = EmbeddedServer(settings, DYNAMIC)

    async def begin() -> None:
        await server.start()
        await setup_namespace(await connect(settings))

    asyncio.run(begin())
    yield server
    asyncio.run(server.stop())


class Bench:
    """One test's cluster: its fake activities, and the workflows it started, which end with it. `skips`: whether the
    server can skip a workflow's waits.
    """

    def __init__(self, client: Client, *, skips: bool = True) -> None:
        self.cluster = f"c{uuid.uuid4().hex[:8]}"
        self.fakes = Fakes()
        self.visit = visit_of(self.cluster)
        self.skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        self.client = self.skipper.client if skips else client
        self._begun: list[WorkflowHandle[Any, Any]] = []

    def work(self, *arguments: Any, **named: Any) -> Any:
        return work_on(self.cluster, *arguments, **named)

    async def start(self, run: Any, argument: Any, workflow_id: str) -> WorkflowHandle[Any, Any]:
        handle = await self.client.start_workflow(run, argument, id=workflow_id, task_queue=ids.WORKFLOW_QUEUE)
        self._begun.append(self.client.get_workflow_handle(workflow_id))
        return handle

    def handle(self, workflow_id: str) -> WorkflowHandle[Any, Any]:
        handle = self.client.get_workflow_handle(workflow_id)
        self._begun.append(handle)
        return handle

    def host(self, name: str = "gpu001") -> WorkflowHandle[Any, Any]:
        """The work on a host, whichever workflow does it."""
        return self.handle(ids.host(self.cluster, name))

    async def kind(self, handle: WorkflowHandle[Any, Any]) -> str:
        """Type of the latest run; empty when there is none."""
        try:
            return (await handle.describe()).workflow_type
        except RPCError:
            return ""

    async def skip_ahead(self, handle: WorkflowHandle[Any, Any], by: timedelta) -> None:
        """Let a workflow's waits pass."""
        await self.skipper.fast_forward(handle, by)

    async def until(self, what: Callable[[], Awaitable[Any] | Any], why: str, within: float = 30) -> Any:
        """Look until something is true; what it is."""
        try:
            async with asyncio.timeout(within):
                while True:
                    found = what()
                    found = await found if isinstance(found, Awaitable) else found
                    if found:
                        return found
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s: {why}; called: {self.fakes.calls}") from None

    async def close(self) -> None:
        for handle in self._begun:
            try:
                if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                    await handle.terminate("the test is over")
            except RPCError:
                continue  # it never came to be, or ended just now


@pytest_asyncio.fixture
async def bench(impatient: EmbeddedServer) -> AsyncIterator[Bench]:
    """A test's cluster on running workers."""
    client = await connect(impatient.settings)
    bench = Bench(client)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            Worker(client, task_queue=ids.WORKFLOW_QUEUE, workflows=ALL, workflow_runner=workflow_runner())
        )
        await stack.enter_async_context(
            Worker(client, task_queue=ids.task_queue(bench.cluster), activities=bench.fakes.activities())
        )
        stack.push_async_callback(bench.close)
        yield bench
