"""The gate reads a host back: a silence is asked about again, and a host that stays silent goes to repair."""

from dataclasses import replace

import pytest
from temporalio.testing import ActivityEnvironment

from activities.gate import Gating
from fleet.errors import HostState
from fleet.models.drivers import SimulatedFault
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
from tests.steps.site import order


async def gate(site, attempt=1):
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return await environment.run(Gating(site.deps, ask_again_after=(0.0, 0.0)).gate, order(StepKind.GATE))


@pytest.fixture
async def touched(site):
    await site.drain()
    await site.touch()
    return site


async def test_a_host_that_answers_in_the_end_is_judged_by_its_versions(touched):
    touched.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu001", times=2))
    found = await gate(touched)
    assert found.reason == "gpu001: health is not run, and nothing returns unverified"


async def test_a_host_that_stays_silent_is_handed_over(touched):
    touched.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu001"))
    found = await gate(touched)
    assert (found.action, found.host_state) == (StepAction.HAND_OVER, HostState.UNKNOWN)
    assert found.reason == "gpu001: its versions can't be read back"


async def test_only_what_was_boarded_is_required(touched):
    boarded = order(StepKind.GATE, required=(VerificationTask.FABRIC,))
    found = await ActivityEnvironment().run(Gating(touched.deps).gate, boarded)
    assert found.reason == "gpu001: fabric is not run, and nothing returns unverified"


async def test_attempts_that_died_before_are_no_silences(touched):
    touched.world.set_fault(SimulatedFault(kind="bmc_silent", host="gpu001", times=1))
    assert "health is not run" in (await gate(touched, attempt=9)).reason


async def test_jobs_that_began_while_it_was_undrained_are_waited_for_at_the_gate(touched):
    touched.world.undrain_by_other("gpu001")
    job = touched.world.submit_job(hosts=("gpu001",))
    await touched.acting(order(StepKind.GATE), lambda acting: acting.keep_drained())
    touched.world.end_job(job)
    assert "health is not run" in (await gate(touched)).reason
