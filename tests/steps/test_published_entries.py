"""What component owners publish reaches both places where sets are judged: boarding and the gate."""

from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.gate import Gating
from activities.visit import Visiting
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.messages import VisitAsked, VisitInput
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, order


async def publish(site, **components):
    entry = MatrixEntry(components=components, verdict=Verdict.BROKEN, evidence="ticket 9")
    await site.store.add_matrix(CLUSTER, (entry,), "ann", "it hangs", datetime.now(UTC))


async def board(site):
    visit = VisitInput(cluster=CLUSTER, pool=POOL, visit=VISIT, domain="d001")
    asked = VisitAsked(ask=0, request=VISIT, granted=True)
    boarded = await ActivityEnvironment().run(Visiting(site.deps).board_hosts, asked, visit)
    return {work.host: [s.upgrade.component for s in work.steps if s.upgrade] for work in boarded.works}


async def desired(site):
    cluster = (await site.store.fleet()).fleet.clusters[0]
    return cluster.desired_in(cluster.pools[0])


async def test_an_upgrade_that_turns_broken_does_not_board(site):
    component, version = next(iter((await desired(site)).items()))
    await publish(site, **{component: version})

    assert all(component not in upgrades for upgrades in (await board(site)).values())


async def test_an_upgrade_boards_again_once_the_entry_is_withdrawn(site):
    component, version = next(iter((await desired(site)).items()))
    await publish(site, **{component: version})
    (record,) = await site.store.matrix_records(CLUSTER)
    await site.store.withdraw_matrix(CLUSTER, (record.id,), "ann", "it was the cable", datetime.now(UTC))

    boarded = await board(site)
    assert boarded
    assert all(component in upgrades for upgrades in boarded.values())


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_the_gate_judges_the_observed_set_by_what_is_published_now(site, withdrawn):
    await site.drain()
    await site.touch()
    carried = await site.hands.hardware.versions("gpu001")
    component = next(iter(await desired(site)))
    await publish(site, **{component: carried[component]})
    if withdrawn:
        (record,) = await site.store.matrix_records(CLUSTER)
        await site.store.withdraw_matrix(CLUSTER, (record.id,), "ann", "it was the cable", datetime.now(UTC))

    found = await ActivityEnvironment().run(Gating(site.deps).gate, order(StepKind.GATE))

    assert StepAction.HAND_OVER is found.action
    assert withdrawn == ("as broken" not in found.reason)
