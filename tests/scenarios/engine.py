"""What a scenario does to Temporal itself, as a person at its UI or command line could."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import Client, WorkflowHandle

from runtime.client import connect
from tests.parts.temporal import settings_in
from tests.scenarios.site import Site

Handle = WorkflowHandle[Any, Any]


def signal(site: Site, workflow_id: str, name: str, *arguments: object) -> None:
    """Send a signal with a plain payload."""
    _with(site, workflow_id, lambda handle: handle.signal(name, args=arguments))


def terminate(site: Site, workflow_id: str) -> None:
    """End a workflow at once, as "Terminate" in the UI does."""
    _with(site, workflow_id, lambda handle: handle.terminate(reason="scenario"))


def held(site: Site, workflow_id: str) -> list[tuple[str, str]]:
    """(activity, type of its last failure) of every pending activity."""
    described = _with(site, workflow_id, lambda handle: handle.describe())
    pending = described.raw_description.pending_activities
    return [(a.activity_type.name, a.last_failure.application_failure_info.type) for a in pending]


def kind_of(site: Site, workflow_id: str) -> tuple[str, bool]:
    """Type of the id's latest run, and whether it is open."""
    described = _with(site, workflow_id, lambda handle: handle.describe())
    return described.workflow_type, described.status.name == "RUNNING"


def _with(site: Site, workflow_id: str, act: Callable[[Handle], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        client: Client = await connect(settings_in(site.stage.folder))
        return await act(client.get_workflow_handle(workflow_id))

    return asyncio.run(go())
