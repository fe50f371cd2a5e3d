"""A site for every test of a step, and what steps on it need."""

from datetime import UTC, datetime

import pytest

from tests.steps.ladder import Ladder, handed_over, in_force, read_pages
from tests.steps.looks import looks_at
from tests.steps.pins import Switch
from tests.steps.reviews import Reviews
from tests.steps.rungs import HOST, Repair
from tests.steps.site import VISIT, StepSite
from tests.steps.urgent import Urgent


@pytest.fixture
async def site(tmp_path):
    opened = await StepSite.open(tmp_path, autostop={"inconclusive_hosts": 2}, fabric_wait="200ms")
    yield opened
    await opened.close()


@pytest.fixture
async def ladder(site):
    read_pages(site)
    await in_force(site, performance=["retry", "gpu_reset", "reboot", "power_cycle"], unknown=["power_cycle"])
    return Ladder(site, await handed_over(site))


@pytest.fixture
async def repair(site):
    return Repair(site, await site.hand_over(HOST))


@pytest.fixture
async def switch(site):
    return Switch(site)


@pytest.fixture
async def reviews(site):
    await site.store.withdraw(VISIT, "the test needs no lease", datetime.now(UTC))
    return Reviews(site)


@pytest.fixture
async def looks(site):
    return await looks_at(site)


@pytest.fixture
async def urgent(site):
    return Urgent(site)
