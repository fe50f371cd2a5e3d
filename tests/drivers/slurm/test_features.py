"""Node features that others change in the same moment, and jobs that ask a real Slurm for ours."""

import asyncio
import time

import pytest

from drivers.slurm import SlurmDriver
from drivers.slurm.features import ROUNDS
from fleet.errors import BadAnswer, InvalidInput
from fleet.models.drivers import SlurmScheduler
from fleet.ports.fence import open_fence
from tests.drivers.slurm.newer import answer, node
from tests.drivers.slurm.stubs import StubSlurm, says
from tests.drivers.slurm.waiting import call

DRIVER, NEWER = "maintrain.gpu-driver=550.54.15", "maintrain.gpu-driver=550.90.07"


def shows(*features, active=None):
    return says(
        answer("nodes", node(features=list(features), active_features=list(features if active is None else active)))
    )


def written(*features, active=None):
    on = ",".join(features if active is None else active)
    return f"scontrol update nodename=gpu001 AvailableFeatures={','.join(features)} ActiveFeatures={on}"


async def publish(slurm, *ours):
    await slurm.driver().publish_features("gpu001", ours, open_fence)
    return slurm.updates()


async def test_ours_are_replaced_and_the_others_written_back_as_they_were(tmp_path):
    before, after = shows("h100", DRIVER, "rail8"), shows("h100", "rail8", NEWER)
    slurm = StubSlurm(tmp_path, scontrol=[before, before, after])

    assert [written("h100", "rail8", NEWER)] == await publish(slurm, NEWER)


async def test_nothing_is_written_where_nothing_differs(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[shows("h100", DRIVER)])

    assert [] == await publish(slurm, DRIVER)


async def test_a_feature_that_is_available_and_not_active_stays_so(tmp_path):
    before = shows("h100", "mig", active=["h100"])
    slurm = StubSlurm(tmp_path, scontrol=[before, before, shows("h100", "mig", DRIVER, active=["h100", DRIVER])])

    assert [written("h100", "mig", DRIVER, active=["h100", DRIVER])] == await publish(slurm, DRIVER)


async def test_what_another_added_between_the_readings_is_kept(tmp_path):
    before, meanwhile = shows("h100"), shows("h100", "new")
    slurm = StubSlurm(tmp_path, scontrol=[before, meanwhile, meanwhile, meanwhile, shows("h100", "new", DRIVER)])

    assert [written("h100", "new", DRIVER)] == await publish(slurm, DRIVER)


async def test_what_another_wrote_over_ours_is_merged_in_the_next_round(tmp_path):
    before, theirs = shows("h100"), shows("h100", "new")
    answers = [before, before, theirs, theirs, theirs, shows("h100", "new", DRIVER)]
    slurm = StubSlurm(tmp_path, scontrol=answers)

    assert [written("h100", DRIVER), written("h100", "new", DRIVER)] == await publish(slurm, DRIVER)


async def test_features_that_never_take_hold_are_a_bad_answer(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[shows("h100")])

    with pytest.raises(BadAnswer, match="changed by another again and again, or are not taken"):
        await publish(slurm, DRIVER)
    assert ROUNDS == len(slurm.updates())


@pytest.mark.parametrize(
    "feature", ["h100", "maintrain.a=1,h100", "maintrain.a=1 b", "maintrain.a=$(x)", "maintrain.a=1\n"]
)
async def test_a_feature_that_is_not_ours_or_not_legal_is_never_written(tmp_path, feature):
    slurm = StubSlurm(tmp_path, scontrol=[shows("h100")])

    with pytest.raises(InvalidInput):
        await slurm.driver().publish_features("gpu001", (feature,), open_fence)
    with pytest.raises(InvalidInput):
        await slurm.driver().publish_features("ALL", (DRIVER,), open_fence)
    assert [] == slurm.calls()


async def test_a_job_lands_only_where_the_version_it_asks_for_is_installed(slurm):
    options = {"kind": "slurm", "conf": str(slurm.conf), "timeout": "15s", "poll": "1s"}
    driver = SlurmDriver(SlurmScheduler.model_validate(options))
    await driver.publish_features("gpu003", (NEWER,), open_fence)
    await driver.publish_features("gpu004", (DRIVER,), open_fence)

    where = await call(slurm, "srun", "-C", NEWER, "-N1", "sh", "-c", "echo $SLURMD_NODENAME")
    assert "gpu003" == where.strip()

    shown = (await driver.view(time.monotonic())).nodes
    assert ((NEWER,), (DRIVER,), ()) == (shown["gpu003"].features, shown["gpu004"].features, shown["gpu005"].features)
    await driver.close()


async def test_features_are_gone_after_a_restart_of_the_controller_and_can_be_published_again(slurm):
    options = {"kind": "slurm", "conf": str(slurm.conf), "timeout": "15s", "poll": "1s"}
    driver = SlurmDriver(SlurmScheduler.model_validate(options))
    await driver.publish_features("gpu003", (DRIVER,), open_fence)

    await asyncio.to_thread(slurm.restart_slurmctld)
    assert () == (await driver.view(time.monotonic())).nodes["gpu003"].features

    await driver.publish_features("gpu003", (DRIVER,), open_fence)
    assert (DRIVER,) == (await driver.view(time.monotonic())).nodes["gpu003"].features
    await driver.close()
