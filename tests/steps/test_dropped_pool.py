"""Work on a host whose pool the fleet file has no more: it goes on as the host's pool by now says."""

import pytest

from activities.drain import Draining
from activities.gate import Gating
from activities.pin_batch import PinBatching
from activities.verify import Verifying
from fleet.models.pin import PinHost, PinHostState, PinState
from fleet.models.pin_messages import PinPhase
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
from tests.steps.pins import MINE, batch, run
from tests.steps.site import StepSite, order
from tests.steps.test_drain_refused import counted


async def test_jobs_of_a_host_whose_pool_was_dropped_are_treated_as_its_pool_by_now_says(tmp_path):
    """One load moved the host to another pool, the next one dropped the pool that the work began in."""
    site = await StepSite.open(tmp_path, drain={"deadline": "0s", "requeueable": "requeue"})
    job = site.world.submit_job(hosts=("gpu001",))
    ended = await site.run(Draining(site.deps).drain, order(StepKind.DRAIN, pool="dropped"))

    assert StepAction.GO_ON is ended.action
    assert [(job, "requeued")] == await counted(site)
    await site.close()


async def test_it_is_verified_and_gated_as_its_pool_by_now_says(site):
    await site.drain()
    await site.touch()
    verify = order(StepKind.VERIFY, task=VerificationTask.HEALTH, pool="dropped")
    assert StepAction.GO_ON is (await site.run(Verifying(site.deps).verify, verify)).action
    gated = await site.run(Gating(site.deps).gate, order(StepKind.GATE, pool="dropped"))
    assert "nothing returns unverified" in gated.reason, gated.reason


@pytest.mark.parametrize("phase", [PinPhase.MOVE, PinPhase.BACK])
async def test_a_pin_switch_takes_hosts_of_a_dropped_pool_there_and_back(switch, phase):
    """Nobody could go back otherwise, and the whole cluster would stay closed."""
    await switch.begin(PinState.MOVING)
    await switch.put(*(PinHost(host=h, pool="dropped", state=PinHostState.TO_MOVE, batch=0) for h in MINE))
    planned = await run(PinBatching(switch.deps).plan_pin_batch, batch(phase))
    assert [(host, "") for host in MINE] == [(found.work.host, found.lost) for found in planned.hosts]
