"""Which jobs an emergency tells before it takes their hosts, when, and how often."""

from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.emergency import EmergencyPlanning
from fleet.errors import BadAnswer
from fleet.models.drivers import SimulatedFault
from fleet.models.emergency import EmergencyChange, EmergencyState
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.urgent import EMERGENCY, INPUT, STOP, signals


async def test_jobs_whose_notice_was_lost_to_a_hiccup_of_the_scheduler_are_told_at_the_next_look(urgent):
    await signals(urgent)
    job = urgent.site.world.submit_job(hosts=("gpu005",))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    urgent.site.world.set_fault(SimulatedFault(kind="no_answer", rate=1.0))
    first = await urgent.plan()
    urgent.site.world.clear_faults()
    await urgent.plan()

    assert 15 == first.wait_seconds
    assert [int(job)] == [int(r.job) for r in urgent.site.world.journal() if r.kind == "job_signalled"]


async def test_a_job_that_can_not_be_told_keeps_no_other_from_its_notice(urgent):
    await signals(urgent)
    first, second = (urgent.site.world.submit_job(hosts=(host,)) for host in ("gpu005", "gpu006"))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    inner = urgent.site.hands.scheduler

    async def signal_jobs(jobs, signal):
        if first in jobs:
            raise BadAnswer("scancel: rc 1: step 0 is not there any more")
        await inner.signal_jobs(jobs, signal)

    hands = replace(urgent.site.hands, scheduler=Other(inner, signal_jobs=signal_jobs))
    planning = EmergencyPlanning(replace(urgent.deps, hands={CLUSTER: hands}))
    for _ in range(2):
        await ActivityEnvironment().run(planning.plan_emergency, INPUT)

    told = [r for r in urgent.site.world.journal() if r.kind == "job_signalled"]
    assert [int(second)] == [int(row.job) for row in told]


async def test_jobs_are_told_as_it_begins_where_no_worker_ran_in_its_notice(urgent):
    await signals(urgent)
    job = urgent.site.world.submit_job(hosts=("gpu005",))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    row = await urgent.store.emergency(EMERGENCY)
    long_ago = row.model_copy(update={"started_at": row.started_at - timedelta(hours=2)})
    await urgent.store.change_emergency(EMERGENCY, lambda before, _: EmergencyChange(emergency=long_ago))

    planned = await urgent.plan()

    assert ("running", [STOP]) == (planned.state, [stop.stop for stop in planned.stops])
    assert [int(job)] == [int(r.job) for r in urgent.site.world.journal() if r.kind == "job_signalled"]


async def test_its_jobs_are_told_once_and_its_hosts_are_asked_for_after_their_notice(urgent):
    await signals(urgent)
    job = urgent.site.world.submit_job(hosts=("gpu005",))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")

    planned = [await urgent.plan() for _ in range(2)]

    assert [("announced", ()), ("announced", ())] == [(p.state, p.stops) for p in planned]
    assert 15 == planned[0].wait_seconds
    told = [r for r in urgent.site.world.journal() if r.kind == "job_signalled"]
    assert [int(job)] == [int(row.job) for row in told]
