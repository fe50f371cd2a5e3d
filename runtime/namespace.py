"""What Maintrain needs of a Temporal namespace: search attributes and a retention long enough for a log book."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Set

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from fleet.errors import Unreachable

KEYWORD, KEYWORD_LIST = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
SEARCH_ATTRIBUTES: dict[str, IndexedValueType.ValueType] = {
    "Cluster": KEYWORD,
    "Pool": KEYWORD,
    "Domain": KEYWORD,
    "Host": KEYWORD,
    "Component": KEYWORD_LIST,
    "Version": KEYWORD_LIST,
    "Outcome": KEYWORD,
}
"""A server on SQL has room for ten keywords and three lists."""
RETENTION_DAYS = 90
VISIBLE_WITHIN = 30.0
"""Seconds until a change of the namespace is seen by every part of the server."""
PAUSE = 0.2
NOT_OURS = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.UNAUTHENTICATED}
"""A managed namespace that is set up elsewhere answers with one of these."""


async def setup_namespace(client: Client) -> tuple[str, ...]:
    """Make the namespace ready and say what was done, one sentence each; nothing to do: no sentences.

    Safe to repeat. What we have no permission for is told and left to the namespace's owner. Raises `Unreachable`.
    """
    said: list[str] = []
    for step in (_ensure_namespace, _ensure_retention, _ensure_search_attributes):
        try:
            said += await step(client)
        except RPCError as error:
            if error.status not in NOT_OURS:
                raise Unreachable(f"Temporal did not set up namespace {client.namespace}: {error.message}") from error
            said.append(f"no permission to {_WISHES[step.__name__]} of {client.namespace}: {error.message}")
    return tuple(said)


_WISHES = {
    "_ensure_namespace": "register or describe namespace",
    "_ensure_retention": f"set the retention ({RETENTION_DAYS} days)",
    "_ensure_search_attributes": f"add the search attributes {', '.join(SEARCH_ATTRIBUTES)}",
}


async def _ensure_namespace(client: Client) -> list[str]:
    try:
        await _retention(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    else:
        return []
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=_days(RETENTION_DAYS))
    )
    await _until(lambda: _knows(client), f"registered namespace {client.namespace}")
    return [f"registered namespace {client.namespace}"]


async def _ensure_retention(client: Client) -> list[str]:
    before = await _retention(client)
    if before >= RETENTION_DAYS * 86400:
        return []
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=_days(RETENTION_DAYS)),
        )
    )
    return [f"raised the retention of {client.namespace} from {before / 3600:g} hours to {RETENTION_DAYS} days"]


async def _ensure_search_attributes(client: Client) -> list[str]:
    missing = SEARCH_ATTRIBUTES.keys() - await _known_attributes(client)
    if not missing:
        return []
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={name: SEARCH_ATTRIBUTES[name] for name in missing}
        )
    )
    await _until(lambda: _knows(client, missing), "search attributes")
    return [f"added the search attributes {', '.join(sorted(missing))}"]


async def _until(seen: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + VISIBLE_WITHIN
    while not await seen():
        if time.monotonic() > deadline:
            raise Unreachable(f"Temporal took the {what} and does not show them after {VISIBLE_WITHIN:.0f} s")
        await asyncio.sleep(PAUSE)


async def _knows(client: Client, attributes: Set[str] = frozenset()) -> bool:
    try:
        return attributes <= await _known_attributes(client)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False


async def _retention(client: Client) -> float:
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return answer.config.workflow_execution_retention_ttl.ToTimedelta().total_seconds()


async def _known_attributes(client: Client) -> set[str]:
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return set(answer.custom_attributes)


def _days(days: int) -> Duration:
    return Duration(seconds=days * 86400)
