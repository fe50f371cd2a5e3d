"""Work on a host whose pool the fleet file has no more: it goes on as the host's pool by now says."""

from activities.drain import Draining
from activities.gate import Gating
from activities.verify import Verifying
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
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
