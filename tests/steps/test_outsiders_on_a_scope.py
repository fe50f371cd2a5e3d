"""What an outsider may have touched returns only verified, and he begins at safe points only."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.deps import Deps
from activities.gate import Gating
from activities.operation_facts import operation_facts
from activities.reboot import Rebooting
from activities.returning import Returning
from activities.verify import Verifying
from fleet import ids
from fleet.models.intent import Before, IntentEnd, IntentState
from fleet.models.operation import OperationState, Said
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict, Verification, VerificationTask
from fleet.models.work import HostWork, Outcome, Step, StepAction, StepKind, StepRecord
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.operations import OTHER, Outsider
from tests.steps.site import VISIT, order

SHARE = ids.operation(VISIT, OTHER)


async def begun(site) -> Outsider:
    """An outsider works on the scope of the visit's drained host."""
    await site.drain(OTHER)
    outsider = Outsider(site)
    await outsider.begin()
    return outsider


async def verify(site):
    return await site.run(Verifying(site.deps).verify, order(StepKind.VERIFY, OTHER, VerificationTask.HEALTH))


async def give_back(site):
    last = order(StepKind.RETURN, OTHER, outcome=Outcome.GIVEN_BACK, reason="yielded")
    return await site.run(Returning(site.deps).return_host, last)


async def test_a_host_that_we_did_not_touch_is_verified_before_it_is_given_back(site):
    outsider = await begun(site)
    await outsider.say(Said.DONE)

    told = await give_back(site)

    assert (StepAction.SKIP_TO_VERIFY, True) == (told.action, await site.drained(OTHER))
    assert "verified first, since an outsider worked on its scope" in told.reason


async def test_it_stays_so_once_the_operation_is_over(site):
    outsider = await begun(site)
    await outsider.say(Said.DONE)
    await outsider.become(state=OperationState.DONE, ended_at=datetime.now(UTC))

    assert (await site.store.footing(CLUSTER, POOL, OTHER, SHARE)).touched()
    assert StepAction.SKIP_TO_VERIFY is (await give_back(site)).action


async def test_what_was_verified_before_the_outsider_came_does_not_count_at_the_gate(site):
    await site.drain(OTHER)
    await verify(site)
    outsider = Outsider(site)
    await outsider.begin()
    await outsider.say(Said.DONE)
    gate = order(StepKind.GATE, OTHER, required=(VerificationTask.HEALTH,))

    before = await site.run(Gating(site.deps).gate, gate)
    await verify(site)
    after = await site.run(Gating(site.deps).gate, gate)

    assert (StepAction.HAND_OVER, True) == (before.action, "health is not run" in before.reason)
    assert StepAction.GO_ON is after.action


async def test_what_was_verified_before_by_a_worker_whose_clock_is_ahead_does_not_count_either(site):
    await site.drain(OTHER)
    ahead, step = datetime.now(UTC) + timedelta(minutes=2), "verify:health"
    passed = Verification(task=VerificationTask.HEALTH, host=OTHER, verdict=Verdict.PASSED, reason="it is fast")
    await site.store.open_intent(SHARE, step, "theirs", Before(), await site.store.clock())
    row = {"cluster": CLUSTER, "host": OTHER, "operation": SHARE, "step": step, "action": StepAction.GO_ON}
    record = StepRecord(**row, reason="passed", started=ahead, ended=ahead, verification=passed)
    await site.store.record_step(record, IntentEnd(token="theirs", state=IntentState.WITHDRAWN, result="passed"))
    outsider = Outsider(site)
    await outsider.begin()
    await outsider.say(Said.DONE)

    told = await site.run(Gating(site.deps).gate, order(StepKind.GATE, OTHER, required=(VerificationTask.HEALTH,)))

    assert (StepAction.HAND_OVER, True) == (told.action, "health is not run" in told.reason)


async def test_an_earlier_return_that_lifted_the_drain_and_died_drains_again_while_it_is_parked(site):
    operation = await site.hand_over(OTHER)
    await Outsider(site).begin()
    site.world.undrain_by_other(OTHER)
    last = order(StepKind.RETURN, OTHER, operation=operation, visit=None, repair=True, outcome=Outcome.REPAIRED)

    with pytest.raises(ApplicationError, match="parked for op/1"):
        await site.run(Returning(site.deps).return_host, last)

    assert await site.drained(OTHER)


APPLY = Step(
    key="apply:nic-firmware",
    kind=StepKind.APPLY,
    upgrade=Upgrade(component="nic-firmware", version="1.1"),
    expected=timedelta(seconds=2),
)
REBOOT = Step(key="reboot", kind=StepKind.REBOOT, safe_before=False, expected=timedelta(seconds=2))


class Later(Deps):
    """A minute on."""

    async def clock(self):
        return await super().clock() + timedelta(minutes=1)


class Waiting:
    """A verifier that passes once it is told to."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def verify(self, task, host, partners, *, pool):
        self.asked.set()
        await self.go.wait()
        return Verification(task=task, host=host, verdict=Verdict.PASSED, reason="it is fast")

    async def close(self) -> None:
        """Nothing is open."""


async def not_parked(site, outsider):
    """Why the work waits, once those who were told can have read it."""
    op = await outsider.become(state=OperationState.PREPARING)
    later = Later(store=site.store, hands=site.deps.hands, pager=site.pages, engine=site.deps.engine)
    return (await operation_facts(later, op)).not_parked.get(f"{CLUSTER}/{OTHER}")


async def test_a_boot_that_what_was_written_waits_for_does_not_park_and_is_waited_for(site):
    await site.drain(OTHER)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=OTHER, operation=SHARE, visit=VISIT, steps=(APPLY, REBOOT))
    await site.store.save_work(work)
    applied = await site.run(Applying(site.deps).apply, order(StepKind.APPLY, OTHER, step=APPLY))
    outsider = Outsider(site)
    await outsider.begin()
    why = await not_parked(site, outsider)
    rebooted = await site.run(Rebooting(site.deps).reboot, order(StepKind.REBOOT, OTHER, step=REBOOT))

    assert [StepAction.GO_ON] * 2 == [applied.action, rebooted.action]
    assert "reboot, which must follow apply:nic-firmware, is under way" == why
    assert (await not_parked(site, outsider)).startswith("not looked at since")


async def test_a_verification_that_began_before_the_grant_is_waited_for(site):
    await site.drain(OTHER)
    verifier = Waiting()
    site.deps = replace(site.deps, hands={CLUSTER: replace(site.hands, verifier=verifier)})
    running = asyncio.create_task(verify(site))
    await verifier.asked.wait()
    outsider = Outsider(site)
    await outsider.begin()
    why = await not_parked(site, outsider)
    verifier.go.set()

    assert ("verify:health is under way", StepAction.GO_ON) == (why, (await running).action)
    assert (await not_parked(site, outsider)).startswith("not looked at since")


async def test_a_verification_alone_makes_no_host_a_changed_one(site):
    await site.drain(OTHER)
    await verify(site)

    assert not (await site.store.footing(CLUSTER, POOL, OTHER, SHARE)).touched()
