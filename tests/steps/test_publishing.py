"""A host shows its installed versions as node features before it takes jobs again, where its cluster asks for that."""

from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.returning import Returning
from fleet.models.fleetfile import FleetFile
from fleet.models.work import Outcome, StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.site import order


async def publish_on(site, *components):
    """Put the same fleet file in force, with versions published."""
    document = (await site.store.fleet()).fleet.model_dump(mode="json")
    document["clusters"][0]["publish_versions"] = list(components)
    await site.store.load_fleet(FleetFile.model_validate(document), "next", "ann", "publish", datetime.now(UTC))


async def give_back(site, **changes):
    returning = order(StepKind.RETURN, outcome=Outcome.UPGRADED, reason="done", **changes)
    return await ActivityEnvironment().run(Returning(site.deps).return_host, returning)


def happened(site, host="gpu001"):
    return [r.kind for r in site.world.journal() if r.host == host and r.kind in ("features", "undrained")]


@pytest.fixture
async def drained(site):
    await site.drain()
    await site.store.record_versions(CLUSTER, "gpu001", {"nic-firmware": "1.1+x", "bmc": "2.0"}, datetime.now(UTC))
    site.world.set_features("gpu001", ("h100", "maintrain.nic-firmware=1.0", "maintrain.old=1"))
    return site


async def test_a_host_shows_what_it_carries_before_it_is_undrained(drained):
    await publish_on(drained, "nic-firmware")

    assert StepAction.GO_ON is (await give_back(drained)).action

    view = await drained.hands.scheduler.view()
    assert ("h100", "maintrain.nic-firmware=1.1_2bx") == view.nodes["gpu001"].features
    assert ["features", "features", "undrained"] == happened(drained)


async def test_a_host_left_under_anothers_drain_shows_it_too(drained):
    await publish_on(drained, "nic-firmware")
    drained.world.drain_by_other("gpu001", "admin: disk check")

    await give_back(drained, undrain=False)

    assert "maintrain.nic-firmware=1.1_2bx" in (await drained.hands.scheduler.view()).nodes["gpu001"].features


async def test_nothing_is_published_where_nobody_asked_for_it(drained):
    await give_back(drained)

    assert ["features", "undrained"] == happened(drained)


async def test_a_host_that_was_never_read_keeps_what_it_shows(site):
    await publish_on(site, "nic-firmware")
    await site.drain("gpu002")
    site.world.set_features("gpu002", ("maintrain.nic-firmware=1.0",))

    await ActivityEnvironment().run(
        Returning(site.deps).return_host, order(StepKind.RETURN, "gpu002", outcome=Outcome.GIVEN_BACK, reason="jobs")
    )

    assert ("maintrain.nic-firmware=1.0",) == (await site.hands.scheduler.view()).nodes["gpu002"].features
