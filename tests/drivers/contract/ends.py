"""What every scheduler driver tells of how jobs ended."""

from fleet.models.scheduler import JobEnd, JobEnding
from fleet.ports.fence import open_fence
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.looking import fresh, until


def told(end: JobEnd) -> tuple:
    return (set(end.hosts), end.ending, end.failed_host)


async def end_of(case: ContractCase, job: str) -> JobEnd:
    """Once it is shown."""
    view = await until(case, lambda v: any(end.job == job for end in v.ends))
    return next(end for end in view.ends if end.job == job)


class EndsContract:
    """Part of `SchedulerContract`."""

    async def test_the_ends_of_jobs_tell_which_passed_and_which_failed_by_themselves(self, case: ContractCase):
        a, b, c, d, *_ = case.hosts
        passes, fails, runs = await case.start_job((a, b)), await case.start_job((c,)), await case.start_job((d,))
        await case.end_job(passes)
        await case.fail_job(fails)

        assert ({a, b}, JobEnding.PASSED, None) == told(await end_of(case, passes))
        assert ({c}, JobEnding.FAILED, None) == told(end := await end_of(case, fails))
        assert end.work
        assert runs not in {e.job for e in (await fresh(case)).ends}

    async def test_a_job_that_a_failed_host_ended_names_it_where_it_had_no_other(self, case: ContractCase):
        host = case.hosts[0]
        job = await case.start_job((host,), requeueable=False)

        await case.kill_daemon(host)

        assert ({host}, JobEnding.HOST_FAILED, host) == told(await end_of(case, job))

    async def test_a_cancelled_job_says_nothing_about_its_hosts(self, case: ContractCase):
        host, waits = case.hosts[0], await case.queue_job(case.hosts[:1])
        await until(case, lambda v: v.jobs_on(host))

        await case.scheduler.cancel((waits,), open_fence)

        assert ({host}, JobEnding.OTHER, None) == told(await end_of(case, waits))
