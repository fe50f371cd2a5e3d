"""Undrained by another while a flash or reboot is under way: noticed then and there."""

from datetime import timedelta

from activities.apply import Applying
from fleet.models.drivers import SimulatedFault
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepAction, StepKind
from tests.steps.site import order

UPGRADE = Upgrade(component="nic-firmware", version="1.1")
FLASH = Step(key="apply:nic-firmware", kind=StepKind.APPLY, upgrade=UPGRADE, expected=timedelta(seconds=1))
TOLD = ["sim/gpu001 was undrained by another while it was being changed"]


async def keep(site):
    await site.acting(order(StepKind.APPLY), lambda acting: acting.keep_drained())


async def test_a_host_undrained_in_mid_flash_is_drained_again_before_the_flash_ends(site):
    await site.drain()
    site.world.set_fault(SimulatedFault(kind="undrained_by_other", host="gpu001", times=1))
    found = await site.run(Applying(site.deps).apply, order(StepKind.APPLY, step=FLASH))
    assert found.action is StepAction.GO_ON
    told = ("undrained", "drained", "flash_ended")
    happened = [r.kind for r in site.world.journal() if r.host == "gpu001" and r.kind in told]
    assert happened == ["drained", "undrained", "drained", "flash_ended"]
    assert (site.drains(), site.pages.titles) == (2, TOLD)


async def test_a_look_at_a_host_that_is_ours_changes_nothing(site):
    await site.drain()
    await keep(site)
    assert (site.drains(), site.pages.titles) == (1, [])


async def test_anothers_drain_is_not_overwritten_by_the_look(site):
    await site.drain()
    site.world.drain_by_other("gpu001", "admin: cable")
    await keep(site)
    assert (site.drains(), site.pages.titles) == (1, [])


async def test_a_scheduler_that_does_not_answer_holds_up_no_flash(site):
    await site.drain()
    site.world.set_fault(SimulatedFault(kind="no_answer", rate=1.0))
    await keep(site)
    assert site.pages.titles == []


async def test_jobs_that_began_meanwhile_are_waited_for_by_the_next_step(site):
    await site.drain()
    await site.touch()
    site.world.undrain_by_other("gpu001")
    job = site.world.submit_job(hosts=("gpu001",))
    await keep(site)
    site.world.end_job(job)
    assert await site.acting(order(StepKind.REBOOT), lambda acting: acting.hold_drained()) is None
