"""A site for every test of a step."""

import pytest

from tests.steps.site import StepSite


@pytest.fixture
async def site(tmp_path):
    opened = await StepSite.open(tmp_path, autostop={"inconclusive_hosts": 2}, fabric_wait="200ms")
    yield opened
    await opened.close()
