"""How long a request on free hosts takes to its grant, with many requests waiting elsewhere.

One pool's whole buffer is held, so that every request on its other hosts waits; requests on the next pool are timed:
from before the row is filed to the row's grant, and to the grant's signal in the holder's history.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from bench import bare
from bench.instant import CLUSTER
from bench.site import BenchSite, now
from fleet import ids
from fleet.models.ledger import Request, RequestClass, RequestState

GRANTED_WITHIN = 30.0
SETTLED_AFTER = 3.0
"""Seconds in which the crowd is told for the first time what it waits for."""


@dataclass(frozen=True)
class GrantTimes:
    """Seconds of each grant: until it is committed, and until its holder was told."""

    committed: list[float]
    told: list[float]
    waiting: int
    """Requests that waited while each of them was granted."""


async def grant_times(
    site: BenchSite, crowd: int, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> GrantTimes:
    """Fill one pool, let a crowd of requests wait for it, and time grants in another. `meanwhile` is asked once."""
    plan, prefix = site.plan, f"bench/{crowd}"
    full, free = plan.pool_names[0], plan.pool_names[1]
    held, rest = plan.members(full)[: plan.domain], plan.members(full)[plan.domain :]
    blocker = await _holder(site, f"{prefix}/blocker")
    await _file(site, blocker.id, held)
    await _granted(site, blocker)
    for number in range(crowd):
        await _write(site, f"{prefix}/waiting/{number}", (rest[number % len(rest)],))
    await _wake(site)
    await asyncio.sleep(SETTLED_AFTER)
    committed, told, waiting = [], [], await _waiting(site)
    for number in range(plan.grants):
        host = plan.members(free)[number % plan.hosts]
        first, second = await _grant_once(site, f"{prefix}/holder/{number}", host)
        committed.append(first)
        told.append(second)
    waiting = min(waiting, await _waiting(site))
    if meanwhile is not None:
        await meanwhile()
    for number in range(crowd):
        await site.store.withdraw(f"{prefix}/waiting/{number}", "the bench is over", now())
    await _end(site, blocker)
    return GrantTimes(committed, told, waiting)


async def _grant_once(site: BenchSite, name: str, host: str) -> tuple[float, float]:
    handle = await _holder(site, name)
    asked = await _file(site, name, (host,))
    told = await _granted(site, handle)
    request = next(r for r in await site.store.unacknowledged(CLUSTER) if r.id == name)
    assert request.granted_at is not None, "its holder was told"
    await site.store.acknowledge(name, now())
    await _end(site, handle)
    return (request.granted_at - asked).total_seconds(), (told - asked).total_seconds()


async def _holder(site: BenchSite, name: str) -> "WorkflowHandle[bare.Holder, None]":
    return await site.client.start_workflow(bare.Holder.run, id=name, task_queue=bare.QUEUE)


async def _file(site: BenchSite, holder: str, hosts: tuple[str, ...]) -> datetime:
    """File a request and wake the dispatcher, as a visit does; when that began."""
    asked = await _write(site, holder, hosts)
    await _wake(site)
    return asked


async def _write(site: BenchSite, holder: str, hosts: tuple[str, ...]) -> datetime:
    asked = now()
    request = Request(
        id=holder, cluster=CLUSTER, kind=RequestClass.TRAIN, holder=holder, hosts=hosts, asked_at=asked, why="bench"
    )
    await site.store.request(request)
    return asked


async def _wake(site: BenchSite) -> None:
    await site.client.get_workflow_handle(ids.dispatcher(CLUSTER)).signal("wake")


async def _granted(site: BenchSite, handle: "WorkflowHandle[bare.Holder, None]") -> datetime:
    """Wait for the grant's signal; its time by the server's history, which answers as soon as it is there."""
    async with asyncio.timeout(GRANTED_WITHIN):
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                return event.event_time.ToDatetime(tzinfo=now().tzinfo)
    raise RuntimeError(f"{handle.id} ended before it was granted anything")


async def _end(site: BenchSite, handle: "WorkflowHandle[bare.Holder, None]") -> None:
    """Give the hosts back and end the holder."""
    await site.store.withdraw(handle.id, "the bench has timed it", now())
    await handle.signal(bare.Holder.go)
    await handle.result()


async def _waiting(site: BenchSite) -> int:
    facts = await site.store.facts(CLUSTER, now())
    return sum(r.state is RequestState.WAITING for r in facts.requests)
