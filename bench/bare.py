"""The bare Temporal program: a parent a domain, a child workflow a host, as many activities a child as a visit has,
and every one of them does nothing. Options, splits over task queues and runner are Maintrain's own.
"""

import asyncio

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from fleet.models.base import Message
    from workflows.options import STEP

QUEUE = "bare"
ACTIVITY_QUEUE = "bare/activities"


class BareDomain(Message):
    """Children to start. `queue`: where their activities run."""

    id: str
    hosts: tuple[str, ...]
    activities: int
    queue: str


class BareHost(Message):
    """One child's work."""

    host: str
    activities: int
    queue: str


@activity.defn(name="nothing")
async def nothing(work: BareHost) -> str:
    """What is left of a step when the step is taken out."""
    return work.host


@workflow.defn(name="BareHostRun")
class BareHostRun:
    """A host's share: one activity after the other."""

    @workflow.run
    async def run(self, work: BareHost) -> str:
        """All of them."""
        for _ in range(work.activities):
            await workflow.execute_activity(nothing, work, task_queue=work.queue, **STEP)
        return work.host


@workflow.defn(name="BareDomainRun")
class BareDomainRun:
    """A domain: all its hosts at once."""

    @workflow.run
    async def run(self, domain: BareDomain) -> int:
        """Start a child a host and wait for every one."""
        return len(await asyncio.gather(*(self._host(domain, host) for host in domain.hosts)))

    async def _host(self, domain: BareDomain, host: str) -> str:
        handle = await workflow.start_child_workflow(
            BareHostRun.run,
            BareHost(host=host, activities=domain.activities, queue=domain.queue),
            id=f"{domain.id}/{host}",
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )
        return await handle


@workflow.defn(name="Holder")
class Holder:
    """Holds a lease while grants are timed: ends when it was told of its grant and may go."""

    def __init__(self) -> None:
        self.may_go = False

    @workflow.run
    async def run(self) -> None:
        """Until it may go."""
        await workflow.wait_condition(lambda: self.may_go)

    @workflow.signal
    def granted(self) -> None:
        """The dispatcher's word; its time of arrival is in the history."""

    @workflow.signal
    def go(self) -> None:
        """End."""
        self.may_go = True
