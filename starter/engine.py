"""What the CLI says to Temporal: every start, signal, update and query, by the workflows' names. Calls are bounded, so
that a command answers within seconds with Temporal down.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from fleet import ids
from fleet.errors import MaintrainError, Refused, Unreachable
from fleet.models.emergency import Emergency
from fleet.models.emergency_messages import EmergencyInput
from fleet.models.messages import ClusterInput, RolloutInput, TrainInput
from fleet.models.operation import Operation
from fleet.models.operation_messages import OperationInput
from fleet.models.pin import PinSwitch
from fleet.models.pin_messages import PinInput
from fleet.models.rollout import RolloutSpec
from runtime.client import connect
from runtime.settings import load_settings
from workflows.attributes import CLUSTER, COMPONENT, POOL, VERSION
from workflows.priorities import priority_of

ANSWERS_WITHIN = 3.0
"""Seconds that Temporal has to answer a signal or a start."""
UPDATES_WITHIN = 20.0
"""Seconds that a running workflow has to answer an update or query: its worker may be busy."""


@asynccontextmanager
async def engine() -> AsyncIterator[Client]:
    """A client of the Temporal that the settings name. `Unreachable` when it does not answer in time."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            client = await connect(load_settings())
    except TimeoutError as error:
        raise Unreachable(f"Temporal does not answer within {ANSWERS_WITHIN:g} s") from error
    yield client


async def start_dispatcher(client: Client, cluster: str) -> bool:
    """Make sure that a cluster's dispatcher runs; True when it was started now."""
    return await _start(
        client,
        "Dispatcher",
        ClusterInput(cluster=cluster),
        ids.dispatcher(cluster),
        f"dispatcher of {cluster}",
        TypedSearchAttributes([SearchAttributePair(CLUSTER, cluster)]),
    )


async def start_train(client: Client, cluster: str, pool: str) -> bool:
    """Make sure that a pool's train runs, and wake it; True when it was started now."""
    started = await _start(
        client,
        "MaintenanceTrain",
        TrainInput(cluster=cluster, pool=pool),
        ids.train(cluster, pool),
        f"maintenance train of {cluster}/{pool}",
        TypedSearchAttributes([SearchAttributePair(CLUSTER, cluster), SearchAttributePair(POOL, pool)]),
    )
    if not started:
        await signal(client, ids.train(cluster, pool), "wake")
    return started


async def start_rollout(client: Client, spec: RolloutSpec) -> bool:
    """Make sure that a rollout's workflow runs, and wake it; True when it was started now."""
    workflow_id = ids.rollout(spec.component, spec.version)
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(COMPONENT, [spec.component]),
        SearchAttributePair(VERSION, [f"{spec.component}={spec.version}"]),
    ]
    if len(spec.clusters) == 1:
        pairs.append(SearchAttributePair(CLUSTER, spec.clusters[0]))
    started = await _start(
        client,
        "Rollout",
        RolloutInput(rollout=spec.id, cluster=spec.clusters[0]),
        workflow_id,
        f"rollout of {spec.component} {spec.version}",
        TypedSearchAttributes(pairs),
    )
    if not started:
        await signal(client, workflow_id, "wake")
    return started


async def start_pin_switch(client: Client, switch: PinSwitch) -> bool:
    """Make sure that a pin switch's workflow runs; True when it was started now."""
    spec = switch.spec
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(CLUSTER, spec.cluster),
        SearchAttributePair(COMPONENT, [*spec.targets]),
        SearchAttributePair(VERSION, [f"{name}={version}" for name, version in spec.targets.items()]),
    ]
    return await _start(
        client,
        "PinSwitch",
        PinInput(switch=switch.id, cluster=spec.cluster),
        switch.id,
        f"pin switch: {switch.name}",
        TypedSearchAttributes(pairs),
    )


async def start_emergency(client: Client, emergency: Emergency) -> bool:
    """Make sure that an emergency's workflow runs, and wake it; True when it was started now."""
    spec = emergency.spec
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(CLUSTER, spec.cluster),
        SearchAttributePair(COMPONENT, [*emergency.targets]),
        SearchAttributePair(VERSION, [f"{name}={version}" for name, version in emergency.targets.items()]),
    ]
    started = await _start(
        client,
        "EmergencyTrain",
        EmergencyInput(emergency=emergency.id, cluster=spec.cluster),
        emergency.id,
        f"{emergency.noun} {emergency.name}",
        TypedSearchAttributes(pairs),
    )
    if not started:
        await signal(client, emergency.id, "wake")
    return started


async def start_operation(client: Client, op: Operation) -> bool:
    """Make sure that an operation's workflow runs; True when it was started now."""
    cluster = op.spec.clusters[0]
    return await _start(
        client,
        "Operation",
        OperationInput(operation=op.id, cluster=cluster),
        op.id,
        f"{op.spec.kind} on {op.scope}"[:180],
        TypedSearchAttributes([SearchAttributePair(CLUSTER, cluster)]),
    )


async def signal(client: Client, workflow_id: str, name: str, *arguments: BaseModel) -> bool:
    """Send a signal; False when no such workflow runs."""
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            await handle.signal(name, args=arguments)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise _unreachable(error) from error
    except TimeoutError as error:
        raise Unreachable(f"Temporal does not answer within {ANSWERS_WITHIN:g} s") from error
    return True


async def wake_all(workflow_ids: Sequence[str], what: str) -> str:
    """Wake these workflows to read the store, and say in one sentence who was told.

    Never fails, for the row in the store is in force. It wakes instead of repeating the stop as a signal: a signal
    that arrives late would write anew what a person has lifted meanwhile.
    """
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), engine() as client:
            told = await asyncio.gather(*(signal(client, i, "wake") for i in workflow_ids))
    except (MaintrainError, TimeoutError):
        return f"Temporal does not answer; {what} is in force in the store, every step reads it"
    heard = [i for i, hears in zip(workflow_ids, told, strict=True) if hears]
    return f"told: {', '.join(heard)}" if heard else "no dispatcher or train runs that could be told"


async def update(client: Client, workflow_id: str, name: str, argument: BaseModel, absent: str) -> str:
    """Send an update and return its answer in words. `Refused` with the workflow's own sentence, or with `absent`."""
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(UPDATES_WITHIN):
            answer = await handle.execute_update(name, argument)
    except WorkflowUpdateFailedError as error:
        words = _innermost(error)
        # A host's id is its maintenance's too, which knows nothing of repairs.
        raise Refused(absent if "expected but not found" in words else words) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Refused(absent) from error
        raise _unreachable(error) from error
    except TimeoutError as error:
        raise Unreachable(f"{workflow_id} does not answer within {UPDATES_WITHIN:g} s: does a worker run?") from error
    return str(answer)


async def running(client: Client, workflow_id: str) -> bool:
    """True while a run of that id is open."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise _unreachable(error) from error
    except TimeoutError as error:
        raise Unreachable(f"Temporal does not answer within {ANSWERS_WITHIN:g} s") from error
    return described.status is not None and described.status.name == "RUNNING"


async def _start(
    client: Client,
    workflow: str,
    argument: BaseModel,
    workflow_id: str,
    summary: str,
    attributes: TypedSearchAttributes,
) -> bool:
    """Start a workflow by name unless it runs; True when it was started now."""
    if await running(client, workflow_id):
        return False
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            await client.start_workflow(
                workflow,
                argument,
                id=workflow_id,
                task_queue=ids.WORKFLOW_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=summary,
                search_attributes=attributes,
                priority=priority_of(workflow_id),
            )
    except RPCError as error:
        raise _unreachable(error) from error
    except TimeoutError as error:
        raise Unreachable(f"Temporal does not answer within {ANSWERS_WITHIN:g} s") from error
    return True


def _unreachable(error: RPCError) -> Unreachable:
    return Unreachable(f"Temporal refuses: {error.message}" if error.message else "Temporal does not answer")


def _innermost(error: BaseException) -> str:
    """The sentence at the end of a chain of causes."""
    while error.__cause__ is not None:
        error = error.__cause__
    message = getattr(error, "message", None) or str(error)
    return message.removeprefix("ApplicationError: ") or "the workflow refuses"
