"""A worker that dies around the sending of an upgrade: what it wrote down, and whether the BMC restarted since, tell
another whether it may send it again.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.apply import Applying
from drivers.hosts import open_hosts
from drivers.registry import OpenDrivers
from fleet import ids
from fleet.errors import Refused, Unreachable
from fleet.models.hosts import HostsHardware
from fleet.models.intent import Before, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepAction, StepKind
from fleet.ports.fence import open_fence
from tests.emulators.bmc import Fault, FaultKind
from tests.emulators.bmc.client import Client, eventually
from tests.parts.real_hosts import RealHosts, start_real_hosts
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import VISIT, order

HOST = "gpu001"
NIC = Upgrade(component="nic-firmware", version="28.40.1000")
STEP = Step(key="apply:nic-firmware", kind=StepKind.APPLY, upgrade=NIC, expected=timedelta(seconds=2))
OPERATION = ids.operation(VISIT, HOST)


@pytest.fixture
def real(tmp_path):
    forgets = Fault(kind=FaultKind.FORGETS_TASKS, hosts=(HOST,))
    with start_real_hosts(tmp_path / "real", [HOST], faults=[forgets], slow=[HOST]) as found:
        yield found


@pytest.fixture
async def hardware(real):
    opened = open_hosts(HostsHardware.model_validate(real.hardware()), real.folder).hardware
    yield opened
    await opened.close()


async def dead_worker(site, hardware, *, sent: bool, at: datetime | None = None) -> None:
    """It wrote its intent, and perhaps that it sends."""
    before = Before(
        version=(await hardware.versions(HOST))[NIC.component],
        remembers_since=await hardware.remembers_since(HOST, NIC.component),
    )
    await site.store.open_intent(OPERATION, STEP.key, "a dead worker", before, at or datetime.now(UTC))
    if sent:
        await site.store.note_sent(OPERATION, STEP.key, "a dead worker", sent=True)


async def apply(site, hardware):
    hands = OpenDrivers(site.hands.scheduler, hardware, site.hands.verifier)
    deps = replace(site.deps, hands={CLUSTER: hands})
    return await site.run(Applying(deps).apply, order(StepKind.APPLY, step=STEP))


def restart(real: RealHosts) -> None:
    """The BMC restarts, and forgets what it was doing. A start that is told to the second, and perhaps reckoned anew,
    is the same within two: this one waits for so long, in which no real one is back.
    """
    time.sleep(2.0)
    before = len(real.bmcs.journal(HOST, "bmc_back"))
    Client(real.bmcs, HOST).reset("ForceRestart", manager=True)
    eventually(lambda: len(real.bmcs.journal(HOST, "bmc_back")) > before)


def flashes(real: RealHosts) -> int:
    return len(real.bmcs.journal(HOST, "flash_started"))


async def test_what_a_bmc_accepted_and_forgot_in_a_restart_is_not_flashed_again(site, real, hardware):
    await site.drain()
    await dead_worker(site, hardware, sent=True)
    await hardware.start_apply(HOST, NIC.component, NIC.version, open_fence)
    eventually(lambda: flashes(real) == 1)
    restart(real)
    assert () == await hardware.tasks(HOST, NIC.component)

    found = await apply(site, hardware)

    assert (StepAction.HAND_OVER, 1) == (found.action, flashes(real)), found
    assert "it was being sent, and the device restarted at" in found.reason


async def test_what_was_sent_to_a_bmc_that_never_had_it_and_did_not_restart_is_sent_again(site, real, hardware):
    await site.drain()
    await dead_worker(site, hardware, sent=True)
    found = await apply(site, hardware)
    assert (StepAction.GO_ON, 1) == (found.action, flashes(real)), found


async def test_what_was_never_sent_is_sent_whatever_the_bmc_did_since(site, real, hardware):
    await site.drain()
    await dead_worker(site, hardware, sent=False)
    restart(real)
    found = await apply(site, hardware)
    assert (StepAction.GO_ON, 1) == (found.action, flashes(real)), found


async def noted(site) -> tuple[IntentState, bool]:
    found = await site.store.intent(OPERATION, STEP.key)
    return found.state, found.sent


def saying(error: Exception, *, asked: bool = True):
    """A call, such as an upgrade, that ends so, after its fence was asked, or before."""

    async def call(host, component, version=None, fence=None) -> None:
        if asked:
            await fence()
        raise error

    return call


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ("none", (IntentState.WITHDRAWN, False)),
        ("one that sent nothing", (IntentState.OPEN, False)),
        ("one that sent", (IntentState.OPEN, True)),
    ],
)
@pytest.mark.parametrize("asked", [True, False], ids=["at the fence", "before the fence"])
async def test_a_bmc_that_says_not_now_leaves_what_was_sent_before_and_no_more(site, earlier, expected, asked):
    await site.drain()
    if earlier != "none":
        await dead_worker(site, site.hands.hardware, sent=earlier == "one that sent")
    refuses = saying(Refused("HTTP 503"), asked=asked)
    with pytest.raises(Exception, match="HTTP 503"):
        await apply(site, Other(site.hands.hardware, start_apply=refuses))
    assert expected == await noted(site)


async def test_what_was_sent_counts_from_its_own_time_when_the_bmc_took_no_other_meanwhile(site):
    await site.drain()
    ago = datetime.now(UTC) - timedelta(minutes=20)
    await dead_worker(site, site.hands.hardware, sent=True, at=ago)
    with pytest.raises(Exception, match="HTTP 503"):
        await apply(site, Other(site.hands.hardware, start_apply=saying(Refused("HTTP 503"))))
    assert ago == (await site.store.intent(OPERATION, STEP.key)).opened_at


async def test_what_a_busy_bmc_worked_on_without_a_task_and_forgot_is_not_flashed_again(site, real, hardware):
    """The attempt in between is refused, since the BMC works; the next one still knows that something was sent."""
    await site.drain()
    await dead_worker(site, hardware, sent=True)
    with pytest.raises(Exception, match="Updating"):
        await apply(site, Other(hardware, start_apply=saying(Refused("Updating"), asked=False)))
    restart(real)

    found = await apply(site, hardware)

    assert (StepAction.HAND_OVER, 0) == (found.action, flashes(real)), found
    assert "it was being sent, and the device restarted at" in found.reason


async def test_what_was_sent_longer_ago_than_an_upgrade_takes_is_not_sent_again(site, real, hardware):
    """A BMC that did not restart may have dropped its task all the same."""
    await site.drain()
    await dead_worker(site, hardware, sent=True, at=datetime.now(UTC) - timedelta(hours=9))
    found = await apply(site, hardware)
    assert (StepAction.HAND_OVER, 0) == (found.action, flashes(real)), found
    assert "its task may have ended and been dropped" in found.reason


async def test_what_was_sent_long_ago_and_looked_for_since_is_sent_again(site):
    await site.drain()
    await dead_worker(site, site.hands.hardware, sent=True, at=datetime.now(UTC) - timedelta(hours=9))
    looked = datetime.now(UTC) - timedelta(minutes=10)
    await site.store.note_look(OPERATION, STEP.key, "a dead worker", looked)
    found = await apply(site, site.hands.hardware)
    assert StepAction.GO_ON is found.action, found
    assert looked < (await site.store.intent(OPERATION, STEP.key)).looked_at


async def test_an_attempt_that_can_not_read_the_device_has_not_looked_at_it(site):
    await site.drain()
    await dead_worker(site, site.hands.hardware, sent=True)
    with pytest.raises(Exception, match="the BMC is dark"):
        await apply(site, Other(site.hands.hardware, tasks=saying(Unreachable("the BMC is dark"), asked=False)))
    assert None is (await site.store.intent(OPERATION, STEP.key)).looked_at


async def test_an_answer_that_was_lost_leaves_the_note(site):
    await site.drain()
    with pytest.raises(Exception, match="no answer"):
        await apply(site, Other(site.hands.hardware, start_apply=saying(Unreachable("no answer"))))
    assert (IntentState.OPEN, True) == await noted(site)


async def test_an_attempt_whose_intent_was_taken_over_can_not_send(site):
    """The successor knows by the note's absence that nothing was sent: from then on nothing can be."""
    await site.drain()
    sent = []

    async def start_apply(host, component, version, fence) -> None:
        found = await site.store.intent(OPERATION, STEP.key)
        await site.store.take_over_intent(OPERATION, STEP.key, found.token, "a successor", datetime.now(UTC))
        await fence()
        sent.append(version)

    with pytest.raises(Exception, match="newer attempt"):
        await apply(site, Other(site.hands.hardware, start_apply=start_apply))
    assert ([], (IntentState.OPEN, False)) == (sent, await noted(site))
