"""A person stops an emergency while a step of one of its hosts waits: what has not begun then does not begin, whatever
reaches the host's workflow.
"""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.drain import Draining
from activities.reboot import Rebooting
from fleet import ids
from fleet.errors import Refused, Unreachable
from fleet.models.intent import IntentState
from fleet.models.work import EndCause, StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import no_fence, order
from tests.steps.urgent import STOP

HOST = "gpu004"
OPERATION = ids.operation(STOP, HOST)
GIVEN_BACK = (StepAction.GIVE_BACK, EndCause.STOP)


@pytest.fixture
async def boarded(urgent):
    """The emergency has its first host, drained; the steps by key."""
    await urgent.begin()
    [work] = (await urgent.board(await urgent.granted())).works
    await urgent.site.hands.scheduler.drain(HOST, ids.drain_reason(ids.PLANNED, OPERATION), no_fence)
    return {step.key: step for step in work.steps}


def share(step, **changes):
    return order(step.kind, HOST, visit=STOP, operation=OPERATION, step=step, **changes)


def deps(urgent, **drivers):
    """The site's, of which some drivers are others."""
    return replace(urgent.deps, hands={CLUSTER: replace(urgent.site.hands, **drivers)})


def saying(error):
    async def act(*_):
        raise error

    return act


@pytest.mark.parametrize(
    "call", [{"versions": Unreachable("the BMC is silent")}, {"start_apply": Refused("the BMC is busy")}]
)
async def test_a_flash_that_waits_for_its_bmc_does_not_begin_after_a_stop(urgent, boarded, call):
    barred = Other(urgent.site.hands.hardware, **{name: saying(error) for name, error in call.items()})
    its = share(boarded["apply:gpu-driver"])
    with pytest.raises(ApplicationError, match="the BMC is"):
        await urgent.site.run(Applying(deps(urgent, hardware=barred)).apply, its)
    await urgent.order("stop")

    result = await urgent.site.run(Applying(urgent.deps).apply, its)

    assert GIVEN_BACK == (result.action, result.cause)
    found = await urgent.store.intent(OPERATION, "apply:gpu-driver")
    assert found is None or found.state is IntentState.WITHDRAWN


async def test_a_flash_is_not_sent_when_the_stop_comes_while_the_device_is_read(urgent, boarded):
    inner = urgent.site.hands.hardware

    async def slow(host, component):
        await urgent.order("stop")
        return await inner.tasks(host, component)

    applying = Applying(deps(urgent, hardware=Other(inner, tasks=slow)))

    result = await urgent.site.run(applying.apply, share(boarded["apply:gpu-driver"]))

    assert GIVEN_BACK == (result.action, result.cause)
    assert IntentState.WITHDRAWN is (await urgent.store.intent(OPERATION, "apply:gpu-driver")).state


async def test_what_is_past_its_last_safe_point_is_ended_in_spite_of_a_stop(urgent, boarded):
    await urgent.order("stop")
    begun = boarded["reboot"].model_copy(update={"safe_before": False})

    result = await urgent.site.run(Rebooting(urgent.deps).reboot, share(begun))

    assert StepAction.GO_ON is result.action


async def test_a_reboot_that_is_the_work_itself_does_not_begin_after_a_stop(urgent, boarded):
    await urgent.order("stop")
    bare = boarded["reboot"].model_copy(update={"safe_before": True})

    result = await urgent.site.run(Rebooting(urgent.deps).reboot, share(bare))

    assert GIVEN_BACK == (result.action, result.cause)


async def test_no_job_is_requeued_for_an_emergency_that_is_stopped_while_the_scheduler_is_asked(urgent):
    await urgent.begin(drain={"deadline": "0s", "requeueable": "requeue"})
    await urgent.board(await urgent.granted())
    job = urgent.site.world.submit_job(hosts=(HOST,))
    inner, looks = urgent.site.hands.scheduler, []

    async def view(*, not_before):
        """The second look is the one before jobs are treated."""
        looks.append(not_before)
        if len(looks) == 2:
            await urgent.order("stop")
        return await inner.view(not_before=not_before)

    draining = Draining(deps(urgent, scheduler=Other(inner, view=view)))

    result = await urgent.site.run(draining.drain, order(StepKind.DRAIN, HOST, visit=STOP, operation=OPERATION))

    assert (StepAction.GIVE_BACK, EndCause.YIELD) == (result.action, result.cause)
    assert [] == [row for row in urgent.site.world.journal() if row.kind == "job_requeued"]
    assert job in (await inner.view(not_before=0.0)).jobs
