"""Repairs whose workflow was ended from outside go on where they were, and forget nobody's word."""

from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hand_over import HandingOver
from fleet.models.drivers import SimulatedFault
from fleet.models.ladder import Rung
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import Climb, HostWork, Outcome
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.ladder import ANN, HOST, NEEDED, Ladder, handed_over, in_force, lost, read_pages, record
from tests.steps.site import VISIT


async def test_a_finding_that_never_climbs_is_not_forgotten_with_the_repairs_workflow(site):
    read_pages(site)
    await in_force(site, performance=["retry"], unknown=["power_cycle"])
    finding = Finding(category=Category.HARDWARE, summary="NVLink is dead", severity=Severity.ISOLATE)
    verification = Verification(task=VerificationTask.HEALTH, verdict=Verdict.FAILED, findings=(finding,))
    ladder = Ladder(site, await handed_over(site, record(verification=verification)))

    ladder.work = await lost(ladder)

    assert f"{VISIT}#{HOST}" == ladder.work.origin
    assert None is (await ladder.climb()).rung
    assert "somebody must look at the host" in site.pages.bodies[0]


async def test_a_lost_repair_of_which_nothing_is_known_goes_to_a_person(site):
    await in_force(site, unknown=["power_cycle"])
    ladder = Ladder(site, HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=await site.hand_over(HOST)))
    ladder.work = await lost(ladder)
    assert (Climb.BARRED, None) == (ladder.work.climb, (await ladder.climb()).rung)


async def test_a_lost_repair_has_its_one_outcome_at_its_end(ladder):
    ladder.work = await lost(ladder)
    await ActivityEnvironment().run(HandingOver(ladder.site.deps).decommission, ladder.work, ANN)
    told = await ladder.site.store.outcomes(CLUSTER, host=HOST)
    assert [Outcome.DECOMMISSIONED, Outcome.HANDED_OVER] == [o.outcome for o in told]


@pytest.mark.parametrize("word", ["repaired", "decommission", "broke off"])
async def test_a_word_that_ended_the_ladder_is_not_forgotten_with_the_repairs_workflow(ladder, word):
    handing = HandingOver(ladder.site.deps)
    await ladder.climb()
    of_try = ladder.work.model_copy(update={"tries": 1})
    match word:
        case "repaired":
            await ActivityEnvironment().run(handing.plan_repair, of_try, ANN)
        case "decommission":
            gone = ladder.work.model_copy(update={"host": "gpu098"})
            with pytest.raises(ApplicationError):
                await ActivityEnvironment().run(handing.decommission, gone, ANN)
        case _:
            await ActivityEnvironment().run(handing.report_repair, of_try)

    assert Climb.OFF is (await lost(ladder)).climb


async def test_a_repair_whose_workflow_was_ended_goes_on_above_the_rungs_it_climbed(ladder):
    await ladder.climb()
    await ladder.tried(record())
    await ladder.climb()
    again = await lost(ladder)
    assert (2, Climb.ON, ladder.work.operation) == (again.tries, again.climb, again.operation)

    ladder.work = again
    assert Rung.POWER_CYCLE is (await ladder.climb()).rung
    assert [("retry", "failed"), ("gpu_reset", "failed"), ("power_cycle", None)] == await ladder.rungs()


async def test_a_repair_that_came_to_its_end_does_not_climb_again_when_its_workflow_was_ended(ladder):
    ladder.work = ladder.work.model_copy(update={"climb": Climb.BARRED})
    await ladder.climb()
    again = await lost(ladder)
    assert Climb.OFF is again.climb
    assert [NEEDED] == ladder.site.pages.titles


async def shown(site) -> dict[str, str]:
    return (await site.store.versions(CLUSTER)).get(HOST, {})


async def test_a_host_that_is_handed_over_shows_the_versions_that_its_visit_left(site):
    await site.store.record_versions(CLUSTER, HOST, {"nic-firmware": "0.9"}, datetime.now(UTC))
    await handed_over(site)
    assert await site.hands.hardware.versions(HOST) == await shown(site)


async def test_a_host_that_is_handed_over_silent_shows_the_versions_that_were_seen_last(site):
    await site.store.record_versions(CLUSTER, HOST, {"nic-firmware": "0.9"}, datetime.now(UTC))
    site.world.set_fault(SimulatedFault(kind="bmc_silent", host=HOST))
    await handed_over(site)
    assert {"nic-firmware": "0.9"} == await shown(site)
