"""A whole cycle over a simulated site whose server suggests continuing as new after 50 events, amid wake-ups."""

import asyncio
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus

from fleet import ids
from runtime.client import connect
from runtime.embedded import EmbeddedServer
from tests.parts.temporal import settings_in
from tests.scenarios.site import CLUSTER, POOL, Site, fleet_document
from tests.workflows.conftest import DYNAMIC, SUGGESTED_AT


async def runs(client: Client, workflow_id: str) -> list[tuple[int, str]]:
    """Length and input of every run of an id, the latest first."""
    found, run = [], (await client.get_workflow_handle(workflow_id).describe()).run_id
    while run:
        history = await client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        begun = history.events[0].workflow_execution_started_event_attributes
        found.append((len(history.events), begun.input.payloads[0].data.decode()))
        run = begun.continued_execution_run_id
    return found


async def test_a_cycle_completes_while_train_and_dispatcher_continue_as_new_over_and_over(tmp_path: Path):
    site = Site(tmp_path, fleet_document(4, 2))
    settings = settings_in(site.stage.folder)
    async with EmbeddedServer(settings, DYNAMIC):
        try:
            await asyncio.to_thread(site.__enter__)  # its `up` joins our server
            client = await connect(settings)
            await asyncio.to_thread(site.start_train)
            await _wake_until_closed(site, client)

            trains = await runs(client, ids.train(CLUSTER, POOL))
            dispatchers = await runs(client, ids.dispatcher(CLUSTER))
            train = await client.get_workflow_handle(ids.train(CLUSTER, POOL)).describe()
        finally:
            await asyncio.to_thread(site.__exit__)

    assert {"upgraded"} == {o.outcome for o in (await asyncio.to_thread(site.outcomes)).values()}
    assert [] == (await asyncio.to_thread(site.observed))["violation_details"]
    assert {} == await asyncio.to_thread(site.leases)
    assert WorkflowExecutionStatus.RUNNING == train.status
    assert any('"under_way":["visit/' in begun for _, begun in trains), "a run ended with a visit under way"
    assert len(dispatchers) > 2
    assert max(length for length, _ in (*trains, *dispatchers)) < 4 * SUGGESTED_AT


async def _wake_until_closed(site: Site, client: Client) -> None:
    """Wake train and dispatcher ten times a second."""
    async with asyncio.timeout(120):
        while (cycle := await asyncio.to_thread(site.cycle)) is None or cycle.closed_at is None:
            for workflow_id in (ids.train(CLUSTER, POOL), ids.dispatcher(CLUSTER)):
                await client.get_workflow_handle(workflow_id).signal("wake")
            await asyncio.sleep(0.1)
