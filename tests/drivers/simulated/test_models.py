"""Hardware models of simulated hosts, and a version that is bad on one of them."""

import pytest
from pydantic import ValidationError

from fleet.models.drivers import SimulatedFault
from fleet.models.verification import Category, Verdict, VerificationTask
from tests.drivers.simulated import world

BAD = SimulatedFault(kind="version_fails", component="gpu-driver", version="535.1", model="b200")


@pytest.fixture
async def parts(tmp_path):
    hardware = world.hardware(models={"b200": "gpu[001-002]", "h100": "gpu[003-008]"}, faults=[BAD])
    opened = await world.opened(tmp_path, hardware)
    yield opened
    await world.close(opened)


async def test_the_scheduler_shows_each_hosts_model(parts):
    view = await parts.scheduler.view()

    assert ["b200", "h100", None] == [view.nodes[name].model for name in ("gpu002", "gpu003", "gpu009")]


@pytest.mark.parametrize(("host", "fails"), [("gpu001", True), ("gpu003", False), ("gpu009", False)])
async def test_a_bad_version_fails_the_hosts_of_its_model_alone(parts, host, fails):
    found = await parts.verifier.verify(VerificationTask.PERFORMANCE, host, (), pool="p")

    assert fails == (found.verdict is Verdict.FAILED)
    assert [Category.SOFTWARE] * fails == [f.category for f in found.findings]


async def test_another_version_is_not_bad(tmp_path):
    other = BAD.model_copy(update={"version": "550.1"})
    opened = await world.opened(tmp_path, world.hardware(models={"b200": "gpu[001-016]"}, faults=[other]))

    found = await opened.verifier.verify(VerificationTask.PERFORMANCE, "gpu001", (), pool="p")

    assert Verdict.PASSED is found.verdict
    await world.close(opened)


@pytest.mark.parametrize(
    "changes", [{"version": None}, {"component": None}, {"kind": "gpu_slow", "component": "gpu-driver"}]
)
def test_a_bad_version_names_version_and_component(changes):
    with pytest.raises(ValidationError, match="version: expected it with a component"):
        SimulatedFault(**{**BAD.model_dump(), **changes})
