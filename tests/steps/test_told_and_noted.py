"""What steps and looks leave for other systems and for reports: events with their facts, counts, interrupted jobs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from activities.drain import Draining
from activities.ladder import ask_person
from activities.returning import Returning
from fleet.models.messages import ClusterInput
from fleet.models.work import Outcome, StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, order


class Running:
    """An engine in which every workflow runs."""

    async def running(self, workflow_id: str) -> bool:
        return True


async def told(site):
    return [(e.kind, e.pool, e.hosts, e.subject) for e in reversed(await site.store.event_log())]


async def noted(site):
    now = datetime.now(UTC)
    return await site.store.report_facts(CLUSTER, now - timedelta(hours=1), now + timedelta(hours=1), {})


async def look(site) -> None:
    deps = replace(site.deps, engine=Running())
    await ActivityEnvironment().run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))


async def test_a_drain_and_a_return_are_told_each_once(site):
    for _ in range(2):
        assert StepAction.GO_ON is (await site.run(Draining(site.deps).drain, order(StepKind.DRAIN))).action
    home = order(StepKind.RETURN, outcome=Outcome.UPGRADED, reason="it passed")
    for _ in range(2):
        await site.run(Returning(site.deps).return_host, home)

    of_host = (POOL, ("gpu001",), f"{VISIT}#gpu001")
    assert [("drain_begun", *of_host), ("host_back", *of_host)] == await told(site)


async def test_a_person_who_is_asked_twice_is_told_of_once(site):
    operation = await site.hand_over("gpu001")
    (lease,) = await site.store.leases(f"host/{CLUSTER}/gpu001")
    for _ in range(2):
        await ActivityEnvironment().run(ask_person, site.deps, lease, "its BMC is dark")

    of_host = (POOL, ("gpu001",), operation)
    assert [("handed_over", *of_host), ("escalated", *of_host)] == await told(site)


async def test_a_job_that_the_deadline_ended_is_noted_with_its_hosts(tmp_path, site):
    job = site.world.submit_job(hosts=("gpu001", "gpu002"))
    now = datetime.now(UTC)
    record = await site.store.fleet()
    assert record is not None
    pool = record.fleet.clusters[0].pools[0]
    drain = pool.drain.model_copy(update={"deadline": timedelta(0)})
    await in_force(site, record, pool.model_copy(update={"drain": drain}), now)

    await site.run(Draining(site.deps).drain, order(StepKind.DRAIN))

    (run,) = (await noted(site)).interruptions
    assert (str(job), "requeued", 2, POOL, f"{VISIT}#gpu001") == (run.job, run.verb, run.hosts, run.pool, run.operation)


async def in_force(site, record, pool, now) -> None:
    cluster = record.fleet.clusters[0].model_copy(update={"pools": (pool,)})
    fleet = record.fleet.model_copy(update={"clusters": (cluster,)})
    await site.store.load_fleet(fleet, "the file, again", "ann", "a short deadline", now)


async def test_a_look_notes_counts_and_who_is_out_for_what(site):
    await look(site)
    await site.hand_over("gpu001")
    site.world.drain_by_other("gpu006", "NHC: a fan")
    await look(site)

    found = await noted(site)
    first, second = found.spans[POOL]
    assert ({"maintenance": 2}, 4) == (first.causes, first.counts.up)
    assert ({"maintenance": 1, "repair": 1, "failed, in nobody's hands": 1}, 3) == (second.causes, second.counts.up)
    assert first.until == second.since
    assert {("gpu001", "maintenance"), ("gpu002", "maintenance"), ("gpu001", "repair")} < {
        (o.host, o.cause) for o in found.outs
    }
