"""What every scheduler driver does, word for word of `fleet.ports.scheduler`."""

import asyncio
import time

import pytest

from fleet.errors import BadAnswer, Unreachable
from fleet.models.scheduler import NodeBase
from tests.drivers.contract.announcing import AnnouncingContract
from tests.drivers.contract.borrowing import BorrowingContract
from tests.drivers.contract.case import ContractCase
from tests.drivers.contract.closing import ClosingContract
from tests.drivers.contract.drains import DrainsContract
from tests.drivers.contract.ends import EndsContract
from tests.drivers.contract.features import FeaturesContract
from tests.drivers.contract.jobs import JobsContract
from tests.drivers.contract.looking import fresh
from tests.drivers.contract.runs import RunsContract


class SchedulerContract(
    AnnouncingContract,
    DrainsContract,
    JobsContract,
    FeaturesContract,
    RunsContract,
    EndsContract,
    BorrowingContract,
    ClosingContract,
):
    """Subclass it and give it a fixture `case`."""

    async def test_an_idle_cluster_shows_every_host_idle_and_no_job_on_any(self, case: ContractCase):
        view = await fresh(case)

        assert set(case.hosts) <= set(view.nodes)
        assert {NodeBase.IDLE} == {view.nodes[h].base for h in case.hosts}
        assert [h for h in case.hosts if view.nodes[h].draining or view.jobs_on(h)] == []

    async def test_a_view_began_at_or_after_the_instant_asked_for(self, case: ContractCase):
        await case.scheduler.view()
        asked = time.monotonic()

        view = await case.scheduler.view(asked)

        assert asked <= view.began <= time.monotonic()

    async def test_many_callers_at_once_cost_few_readings(self, case: ContractCase):
        before = await case.readings()
        asked = time.monotonic()

        views = await asyncio.gather(*(case.scheduler.view(asked) for _ in range(200)))

        assert all(v.began >= asked for v in views)
        assert await case.readings() - before <= 2

    @pytest.mark.parametrize("kind", ["garbage", "partial", "stale"])
    async def test_an_answer_that_cannot_be_believed_is_an_error(self, case: ContractCase, kind):
        await case.trouble(kind)

        with pytest.raises(BadAnswer):
            await fresh(case)

        await case.trouble(None)
        assert set(case.hosts) <= set((await fresh(case)).nodes)

    async def test_a_scheduler_that_does_not_answer_is_unreachable(self, case: ContractCase):
        await case.trouble("unreachable")

        with pytest.raises(Unreachable):
            await fresh(case)

        await case.trouble(None)
        assert set(case.hosts) <= set((await fresh(case)).nodes)
