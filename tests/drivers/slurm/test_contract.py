"""The scheduler contract, against a real Slurm on loopback."""

import time

import pytest

from fleet.errors import BadAnswer
from tests.drivers.contract.scheduler import SchedulerContract
from tests.drivers.slurm.case import SlurmCase


@pytest.fixture
async def case(slurm, tmp_path):
    made = SlurmCase(slurm, tmp_path)
    yield made
    await made.trouble(None)
    await made.close()


class TestSlurmKeepsTheContract(SchedulerContract):
    # Slurm's commands ask slurmctld itself every time, so there is no stale answer of theirs to refuse.
    @pytest.mark.parametrize("kind", ["garbage", "partial"])
    async def test_an_answer_that_cannot_be_believed_is_an_error(self, case, kind):
        await case.trouble(kind)

        with pytest.raises(BadAnswer):
            await case.scheduler.view(time.monotonic())

        await case.trouble(None)
        assert set(case.hosts) <= set((await case.scheduler.view(time.monotonic())).nodes)
