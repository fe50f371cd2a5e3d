"""Workflows load and run in the strictest sandbox: what they import is passed through on purpose, or new to each."""

import uuid

from temporalio.worker import Worker

from fleet import ids
from fleet.models.work import Outcome
from runtime.client import connect
from runtime.workers import workflow_runner
from tests.workflows.fakes import Fakes
from tests.workflows.make import work_on
from workflows.host_maintenance import HostMaintenance
from workflows.registry import ALL


async def test_every_workflow_loads_and_one_runs_in_a_sandbox_that_refuses_unintended_imports(temporal):
    client = await connect(temporal.settings)
    cluster = f"c{uuid.uuid4().hex[:8]}"
    strict = workflow_runner(strict=True)

    async with (
        Worker(client, task_queue=ids.WORKFLOW_QUEUE, workflows=ALL, workflow_runner=strict),
        Worker(client, task_queue=ids.task_queue(cluster), activities=Fakes().activities()),
    ):
        end = await client.execute_workflow(
            HostMaintenance.run, work_on(cluster), id=ids.host(cluster, "gpu001"), task_queue=ids.WORKFLOW_QUEUE
        )

    assert Outcome.UPGRADED == end.outcome
