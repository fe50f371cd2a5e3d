"""A visit asks for hosts that no look has shown yet, and its request says that it waits for one; left out, they would
wait for their next cycle, as everything would that begins while its scheduler is silent.
"""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.visit import Visiting
from fleet import ids
from fleet.models.ledger import WaitKind
from fleet.models.messages import VisitAsk, VisitInput
from fleet.models.observation import Observation
from fleet.models.train import Domain, Visit, VisitState
from fleet.policy.grants import settle
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import StepSite

DOMAIN = Domain(name="d002", hosts=("gpu003", "gpu004"))
VISIT = ids.visit(CLUSTER, POOL, 1, "d002", 1)


@pytest.fixture
async def site(tmp_path):
    opened = await StepSite.open(tmp_path)
    now = datetime.now(UTC)
    await opened.store.open_cycle(CLUSTER, POOL, 1, (DOMAIN,), now, now + timedelta(days=1))
    row = {"cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": "d002", "attempt": 1}
    await opened.store.open_visit(Visit(id=VISIT, state=VisitState.WAITING, opened_at=now, **row))
    yield opened
    await opened.close()


async def waits(site) -> tuple[WaitKind, str]:
    """Ask for the domain's hosts, and have the dispatcher answer."""
    ask = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=VISIT, domain="d002"), ask=0)
    asked = await ActivityEnvironment().run(Visiting(site.deps).ask_for_hosts, ask)
    assert (DOMAIN.hosts, False) == (asked.hosts, asked.granted)
    settlement = await site.store.settle(CLUSTER, datetime.now(UTC), settle)
    [wait] = settlement.waits
    return wait.kind, wait.reason


async def test_hosts_that_were_synced_after_the_last_look_wait_for_the_next_one(site):
    look = Observation(cluster=CLUSTER, began_at=datetime.now(UTC), hosts={})
    await site.store.record_observation(look)

    expected = (WaitKind.OBSERVATION, "waits for the next look at gpu003, gpu004, not seen since they were added")
    assert expected == await waits(site)


async def test_a_cluster_that_was_never_observed_has_its_requests_wait_for_a_look(site):
    expected = (WaitKind.OBSERVATION, f"waits for a fresh look at the cluster: pool {POOL} was not observed lately")
    assert expected == await waits(site)
