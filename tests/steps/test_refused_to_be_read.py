"""A device that refuses to be read in the midst of a step, such as a BMC that starts and knows no users yet, is asked
again as one that is silent: its no says nothing of what was begun.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.reboot import Rebooting
from fleet import ids
from fleet.errors import HostState, Refused
from fleet.models.intent import Before, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import VISIT, no_fence, order

HOST, COMPONENT = "gpu001", "nic-firmware"
FLASH = Step(
    key=f"apply:{COMPONENT}",
    kind=StepKind.APPLY,
    upgrade=Upgrade(component=COMPONENT, version="1.1"),
    expected=timedelta(seconds=2),
)
OPERATION = ids.operation(VISIT, HOST)
NO = "its BMC refuses our user and password"


class Refusing:
    """Hardware of which some calls are refused once an upgrade has begun, or from the first on."""

    def __init__(self, site, *calls: str, begun: bool) -> None:
        self._inner, self._begun = site.hands.hardware, begun
        other = {call: self._refused(call) for call in calls}
        hardware = Other(self._inner, start_apply=self._start_apply, **other)
        self.deps = replace(site.deps, hands={CLUSTER: replace(site.hands, hardware=hardware)})

    async def _start_apply(self, *about):
        self._begun = True
        return await self._inner.start_apply(*about)

    def _refused(self, call):
        async def answer(*about):
            if self._begun:
                raise Refused(NO)
            return await getattr(self._inner, call)(*about)

        return answer


async def apply(deps, site):
    return await site.run(Applying(deps).apply, order(StepKind.APPLY, step=FLASH))


async def earlier(site, ago):
    """An earlier attempt has begun the flash."""
    await site.drain()
    await site.store.open_intent(OPERATION, FLASH.key, "an attempt", Before(version="1.0"), datetime.now(UTC) - ago)
    await site.hands.hardware.start_apply(HOST, COMPONENT, "1.1", no_fence)


@pytest.mark.parametrize("call", ["tasks", "versions"])
async def test_a_flash_whose_device_refuses_to_be_read_is_asked_for_again(site, call):
    await site.drain()
    with pytest.raises(ApplicationError, match=NO) as asked:
        await apply(Refusing(site, call, begun=False).deps, site)
    assert not asked.value.non_retryable
    assert IntentState.OPEN is (await site.store.intent(OPERATION, FLASH.key)).state
    assert StepAction.GO_ON is (await apply(site.deps, site)).action


@pytest.mark.parametrize("call", ["tasks", "versions", "remembers_since"])
async def test_so_it_is_by_whoever_takes_the_flash_over(site, call):
    await earlier(site, timedelta(minutes=1))
    with pytest.raises(ApplicationError, match=NO) as asked:
        await apply(Refusing(site, call, begun=True).deps, site)
    assert not asked.value.non_retryable


async def test_one_that_refuses_for_too_long_goes_to_repair(site):
    await earlier(site, timedelta(hours=1))
    found = await apply(Refusing(site, "tasks", begun=True).deps, site)
    assert (StepAction.HAND_OVER, HostState.UNKNOWN) == (found.action, found.host_state)
    assert NO in found.reason


@pytest.mark.parametrize("state", [IntentState.OPEN, IntentState.DONE])
async def test_a_host_on_its_way_up_whose_bmc_refuses_to_be_read_is_waited_for(site, state):
    await site.drain()
    boot = Before(boot_id="an older boot")
    await site.store.open_intent(OPERATION, "reboot", "an attempt", boot, datetime.now(UTC))
    if state is IntentState.DONE:
        await site.store.finish_intent(OPERATION, "reboot", "an attempt", state, "it is back")
    deps = Refusing(site, "boot_id", "versions", begun=True).deps
    with pytest.raises(ApplicationError, match=NO) as asked:
        await site.run(Rebooting(deps).reboot, order(StepKind.REBOOT))
    assert not asked.value.non_retryable
