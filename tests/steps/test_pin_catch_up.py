"""Many late hosts at once: none waits for another that is silent, or can't be opened."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from activities.pin import PinSwitching
from fleet.errors import BadAnswer
from fleet.models.pin import PinHost, PinHostState, PinState
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.pins import INPUT, LATE, MINE, moving, now, run, with_scheduler


async def all_late(switch):
    """A switch of whose hosts none has caught up."""
    await moving(switch)
    await switch.become(state=PinState.LATE, committed_at=now(), opened_at=now())
    rows = [PinHost(host=h, pool=POOL, state=PinHostState.LATE, batch=n) for n, h in enumerate((LATE, *MINE))]
    await switch.put(*rows)


async def test_late_hosts_that_are_silent_for_long_are_asked_at_once(switch):
    await all_late(switch)
    hardware, asked, most = switch.site.hands.hardware, 0, 0

    async def versions(host):
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await asyncio.sleep(0.2)
        asked -= 1
        return await hardware.versions(host)

    hands = replace(switch.site.hands, hardware=Other(hardware, versions=versions))
    await run(PinSwitching(replace(switch.deps, hands={CLUSTER: hands})).review_pin, INPUT)
    assert 4 == most


async def test_a_late_host_that_can_not_be_opened_holds_up_no_other(switch):
    await all_late(switch)
    scheduler = switch.site.hands.scheduler

    async def open_to_jobs(name, fence):
        if name.endswith("_1"):
            raise BadAnswer("it is deleted, and shows all the same")
        await scheduler.open_to_jobs(name, fence)

    with pytest.raises(ApplicationError, match="shows all the same"):
        await run(PinSwitching(with_scheduler(switch, open_to_jobs=open_to_jobs)).review_pin, INPUT)
    late = {h for h, state in (await switch.hosts()).items() if state is PinHostState.LATE}
    assert {MINE[0]} == late
