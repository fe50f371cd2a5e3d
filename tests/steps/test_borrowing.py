"""A partner from production: held by a short job of ours while the fabric is measured, and no longer."""

import asyncio
import dataclasses
import time
from datetime import UTC, datetime, timedelta

import pytest

from activities.borrowing import borrow
from activities.verify import Verifying
from fleet import ids
from fleet.errors import Refused, Unreachable
from fleet.models.host import HostSet
from fleet.models.verification import Verdict, Verification, VerificationTask
from fleet.models.work import StepAction, StepKind
from fleet.policy.observing import observed_hosts
from fleet.policy.sets import standing
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import StepSite, no_fence, order
from tests.steps.test_verify import pauses

FABRIC = VerificationTask.FABRIC
HOST = "gpu001"


@pytest.fixture
async def repair(site):
    """gpu001 in repair; gpu002 is out as well, so gpu003 to gpu006 are in production."""
    site.operation = await site.hand_over(HOST)
    return site


def step(site):
    return order(StepKind.VERIFY, HOST, FABRIC, operation=site.operation, repair=True, visit=None)


async def verify(site):
    return await site.run(Verifying(site.deps, idle_again=0.1).verify, step(site))


async def jobs_of_ours(site):
    view = await site.hands.scheduler.view(not_before=time.monotonic())
    return {job.id: job.hosts[0] for job in view.jobs.values() if job.ours and job.holds}


def borrowed(site):
    """Hosts on which a job of one host was started, in order."""
    return [r.detail["hosts"][0] for r in site.world.journal() if r.kind == "job_started"]


def other(site: StepSite, part: str, **calls):
    """The site with some of a driver's calls replaced."""
    hands = site.deps.hands[CLUSTER]
    changed = dataclasses.replace(hands, **{part: Other(getattr(hands, part), **calls)})
    site.deps = dataclasses.replace(site.deps, hands={CLUSTER: changed})


class Verifier:
    """Looks at the scheduler from within the measurement."""

    def __init__(self, site, during=None):
        self.site, self.inner, self.seen, self.during = site, site.hands.verifier, [], during

    async def verify(self, task, host, partners, *, pool):
        view = await self.site.hands.scheduler.view(not_before=time.monotonic())
        self.seen.append({name: [(j.name, j.comment) for j in view.jobs_on(name)] for name in partners})
        if self.during is not None:
            await self.during(partners[0])
        return await self.inner.verify(task, host, partners, pool=pool)


async def test_a_borrowed_partner_is_held_by_a_job_of_ours_while_it_is_measured(repair):
    watching = Verifier(repair)
    other(repair, "verifier", verify=watching.verify)

    found = await verify(repair)

    assert StepAction.GO_ON == found.action, found
    assert [{"gpu003": [(ids.BORROW_JOB, repair.operation)]}] == watching.seen
    assert {} == await jobs_of_ours(repair)


async def test_a_borrowed_host_counts_as_up(repair):
    job = await repair.hands.scheduler.borrow("gpu003", "why", 60, no_fence)
    (member,) = [host for host in await repair.store.hosts(CLUSTER, POOL) if host.name == "gpu003"]
    view = await repair.hands.scheduler.view(not_before=time.monotonic())

    seen = observed_hosts([member], view)["gpu003"]

    assert (job,) == seen.jobs
    assert HostSet.UP == standing(member, seen, datetime.now(UTC), None, ()).set


async def test_a_host_that_gets_a_job_meanwhile_is_not_measured_with_and_the_next_is_borrowed(repair):
    inner = repair.hands.scheduler

    async def borrow(host, why, limit, fence):
        if host == "gpu003":
            repair.world.submit_job(hosts=("gpu003",))
        return await inner.borrow(host, why, limit, fence)

    watching = Verifier(repair)
    other(repair, "scheduler", borrow=borrow)
    other(repair, "verifier", verify=watching.verify)

    assert StepAction.GO_ON == (await verify(repair)).action
    assert [["gpu004"]] == [list(seen) for seen in watching.seen]


async def test_a_repair_without_a_partner_is_inconclusive_and_pauses_no_train(repair):
    for host in ("gpu003", "gpu004", "gpu005", "gpu006"):
        repair.world.submit_job(hosts=(host,))
    repair.world.submit_job(hosts=("gpu002",))

    found = await verify(repair)

    assert (StepAction.HAND_OVER, Verdict.INCONCLUSIVE, True) == (
        found.action,
        found.verification.verdict,
        found.verification.partnerless,
    )
    assert "no partner" in found.reason
    assert ([], []) == (await pauses(repair), repair.pages.titles)


async def test_a_repair_waits_a_while_for_a_host_to_become_idle(tmp_path):
    repair = await StepSite.open(tmp_path, fabric_wait="60s")
    repair.operation = await repair.hand_over(HOST)
    busy = [repair.world.submit_job(hosts=(host,)) for host in ("gpu002", "gpu003", "gpu004", "gpu005", "gpu006")]
    asked = asyncio.create_task(verify(repair))
    await asyncio.sleep(0.5)
    assert not asked.done()
    repair.world.end_job(busy[3])

    assert StepAction.GO_ON == (await asked).action
    assert "gpu005" == borrowed(repair)[-1]
    await repair.close()


async def test_a_visit_s_host_whose_domain_has_gone_on_waits_for_an_idle_one_too(tmp_path):
    site = await StepSite.open(tmp_path, fabric_wait="60s")
    await site.drain()
    await site.hand_over("gpu002")
    busy = [site.world.submit_job(hosts=(host,)) for host in ("gpu003", "gpu004", "gpu005", "gpu006")]
    asked = asyncio.create_task(
        site.run(Verifying(site.deps, idle_again=0.1).verify, order(StepKind.VERIFY, HOST, FABRIC))
    )
    await asyncio.sleep(0.5)
    assert not asked.done()
    site.world.end_job(busy[1])

    assert StepAction.GO_ON == (await asked).action
    assert "gpu004" == borrowed(site)[-1]
    await site.close()


async def test_the_only_host_is_waited_for_while_a_worker_that_died_still_holds_it(site):
    await site.drain()
    await site.lease("another", "gpu004", "gpu005", "gpu006")
    await site.hand_over("gpu002")
    asked = order(StepKind.VERIFY, HOST, FABRIC)
    await site.hands.scheduler.borrow("gpu003", asked.operation, 1.0, no_fence)

    found = await site.run(Verifying(site.deps, idle_again=0.1).verify, asked)

    assert StepAction.GO_ON == found.action
    assert ["gpu003", "gpu003"] == borrowed(site)


async def test_a_visit_without_a_partner_pauses_its_train_as_before(site):
    await site.drain()
    await site.lease("another", "gpu003", "gpu004", "gpu005", "gpu006")
    await site.hand_over("gpu002")

    found = await site.run(Verifying(site.deps).verify, order(StepKind.VERIFY, HOST, FABRIC))

    assert (StepAction.HAND_OVER, 1) == (found.action, len(await pauses(site)))


async def test_a_scheduler_that_takes_no_job_of_ours_is_told_in_its_words(repair):
    async def borrow(host, why, limit, fence):
        raise Refused(f"{host}: invalid account")

    other(repair, "scheduler", borrow=borrow)

    assert "gpu003: invalid account" in (await verify(repair)).reason


async def test_a_measurement_whose_job_was_ended_in_the_middle_is_not_believed(repair):
    async def end(host):
        (job,) = await jobs_of_ours(repair)
        repair.world.end_job(job)

    other(repair, "verifier", verify=Verifier(repair, end).verify)

    found = await verify(repair)

    assert (Verdict.INCONCLUSIVE, False) == (found.verification.verdict, found.verification.partnerless)
    assert "did not hold it to the end" in found.reason


async def test_a_measurement_that_breaks_off_leaves_the_job_to_its_time_limit(repair):
    async def fail(host):
        raise Unreachable("the network is gone")

    other(repair, "verifier", verify=Verifier(repair, fail).verify)

    with pytest.raises(Exception, match="the network is gone"):
        await verify(repair)
    assert ["gpu003"] == list((await jobs_of_ours(repair)).values())


@pytest.mark.parametrize(("verdict", "left"), [(Verdict.INCONCLUSIVE, ["gpu003", "gpu004"]), (Verdict.FAILED, [])])
async def test_only_a_measurement_that_came_to_its_end_gives_its_host_back(repair, verdict, left):
    async def answer(task, host, partners, *, pool):
        return Verification(task=task, verdict=verdict)

    other(repair, "verifier", verify=answer)

    assert StepAction.HAND_OVER == (await verify(repair)).action
    assert left == sorted((await jobs_of_ours(repair)).values())


async def test_a_measurement_that_is_cut_leaves_the_job_to_its_time_limit(repair):
    hangs = asyncio.Event()

    async def hang(host):
        hangs.set()
        await asyncio.sleep(60)

    other(repair, "verifier", verify=Verifier(repair, hang).verify)
    asked = asyncio.create_task(verify(repair))
    await hangs.wait()

    asked.cancel()
    await asyncio.wait((asked,))

    assert ["gpu003"] == list((await jobs_of_ours(repair)).values())


async def test_a_host_that_can_not_be_given_back_now_does_not_spoil_the_answer(repair):
    async def give_back(job):
        raise Unreachable("the scheduler is away")

    other(repair, "scheduler", give_back=give_back)

    assert StepAction.GO_ON == (await verify(repair)).action


async def test_a_worker_that_lost_its_lease_borrows_nothing(repair):
    stale = order(StepKind.VERIFY, HOST, FABRIC, operation="repair/sim/gpu001/9", repair=True, visit=None)

    async def act(acting):
        return await borrow(acting, ("gpu003",), timedelta(minutes=1))

    with pytest.raises(Exception, match="held by"):
        await repair.acting(stale, act)
    assert {} == await jobs_of_ours(repair)
