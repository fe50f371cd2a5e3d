"""What every scheduler driver tells of where and when a job ran."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet.errors import Refused
from tests.drivers.contract.case import ContractCase

CLOCKS = timedelta(seconds=2)
"""Schedulers tell whole seconds."""


class RunsContract:
    """Part of `SchedulerContract`."""

    async def test_a_running_job_has_its_hosts_its_start_and_no_end(self, case: ContractCase):
        before = datetime.now(UTC) - CLOCKS
        job = await case.start_job(case.hosts[:2])

        run = await case.scheduler.job_run(job)

        assert (job, set(case.hosts[:2]), None) == (run.id, set(run.hosts), run.ended)
        assert before <= run.started <= datetime.now(UTC) + CLOCKS

    async def test_a_job_that_has_ended_is_remembered_with_its_hosts(self, case: ContractCase):
        job = await case.start_job(case.hosts[:2])
        await case.end_job(job)

        run = await case.scheduler.job_run(job)

        assert set(case.hosts[:2]) == set(run.hosts)
        assert run.ended is not None
        assert run.started <= run.ended <= datetime.now(UTC) + CLOCKS

    async def test_a_job_that_nobody_knows_is_refused(self, case: ContractCase):
        with pytest.raises(Refused):
            await case.scheduler.job_run("999999")
