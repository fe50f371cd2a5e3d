"""A workflow of a host that somebody cancels from outside: a flash or reboot that runs is waited for all the same."""

import asyncio
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from fleet.models.messages import HostEnd
from fleet.models.work import Outcome, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.fakes import GO_ON
from tests.workflows.make import ORDER
from workflows.host_maintenance import HostMaintenance
from workflows.host_repair import HostRepair


class Effect:
    """An effect that can't be broken off: it hears of the cancellation, and ends when the test lets it."""

    def __init__(self) -> None:
        self.heard, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, *_: Any) -> StepResult:
        try:
            while True:
                activity.heartbeat()
                await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            self.heard.set()
            await self.ended.wait()
        return GO_ON


async def maintained(bench: Bench) -> WorkflowHandle:
    return await bench.start(HostMaintenance.run, bench.work(), bench.host().id)


async def repaired(bench: Bench) -> WorkflowHandle:
    work = bench.work(steps=()).model_copy(update={"operation": "repair/1", "trouble": "the flash failed"})
    handle = await bench.start(HostRepair.run, work, bench.host().id)
    await handle.execute_update("repaired", ORDER)
    return handle


@pytest.mark.parametrize(("begin", "under_way"), [(maintained, "apply:nic"), (repaired, "verify:health")])
async def test_the_work_on_a_host_that_is_cancelled_waits_for_the_step_under_way(bench, begin, under_way):
    effect = Effect()
    bench.fakes.on(under_way, effect)
    handle = await begin(bench)
    await bench.until(lambda: under_way in bench.fakes.steps, "its step is under way")

    await handle.cancel()
    # A worker tells the server of beats only now and then, and hears of the cancellation by the answer.
    await asyncio.wait_for(effect.heard.wait(), 30)
    for _ in range(10):
        await asyncio.sleep(0.05)
        described = await handle.describe()
        assert WorkflowExecutionStatus.RUNNING == described.status, "it ended before its step did"
    effect.ended.set()

    end = HostEnd.model_validate(await handle.result())
    assert end.outcome in (Outcome.UPGRADED, Outcome.REPAIRED)
    assert "return" == bench.fakes.steps[-1]
