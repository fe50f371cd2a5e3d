"""How the contract suite looks at a scheduler, and the reasons it writes."""

import asyncio
import time
from collections.abc import Callable

from fleet.errors import StaleAttempt
from fleet.models.scheduler import ClusterView, Node
from tests.drivers.contract.case import ContractCase

OURS = "maintrain:planned:visit/c/p/1/d/1#h"
NEXT = "maintrain:repair:repair/c/h/1"
THEIRS = "admin: disk check"


async def closed_fence() -> None:
    raise StaleAttempt("a newer attempt owns this step")


async def fresh(case: ContractCase) -> ClusterView:
    return await case.scheduler.view(time.monotonic())


async def node(case: ContractCase, host: str) -> Node:
    return (await fresh(case)).nodes[host]


async def until(case: ContractCase, holds: Callable[[ClusterView], bool]) -> ClusterView:
    """The first fresh view for which `holds`; fails after the case's patience."""
    deadline = time.monotonic() + case.patience
    while not holds(view := await fresh(case)):
        assert time.monotonic() < deadline, f"not within {case.patience}s: {view}"
        await asyncio.sleep(0.05)
    return view


async def signals(case: ContractCase, job: str) -> tuple[str, ...]:
    """What the job was sent, once there is something, or nothing when the case's patience is over."""
    deadline = time.monotonic() + case.patience
    sent: tuple[str, ...] = ()
    while not sent and time.monotonic() < deadline:
        sent = await case.signals(job)
        await asyncio.sleep(0.05)
    return sent
