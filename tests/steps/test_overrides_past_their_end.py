"""A cluster that is held past the end of its override is told to people once, and not once for every host."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.dispatcher import Dispatching
from fleet import ids
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.messages import ClusterInput
from fleet.models.override import Override
from tests.scenarios.site import CLUSTER
from tests.steps.site import StepSite

SWITCH = "pin/sim/cuda/1"


class Running:
    """Every workflow runs."""

    async def running(self, workflow_id: str) -> bool:
        return True


async def held(site: StepSite, lasts: float) -> None:
    """A pin switch has held four hosts for an hour, ten minutes of which were expected."""
    ago = datetime.now(UTC) - timedelta(hours=1)
    hosts = ("gpu003", "gpu004", "gpu005", "gpu006")
    request = Request(
        id=ids.request(SWITCH, 0),
        cluster=CLUSTER,
        kind=RequestClass.PIN_SWITCH,
        holder=SWITCH,
        hosts=hosts,
        asked_at=ago,
        expected_seconds=600,
        override=Override(actor="ann", reason="cuda 12.6", lasts=lasts),
    )
    await site.store.request(request)
    grant = Settlement(reason="", grants=(Grant(request=request.id, hosts=hosts, reason="all that is up"),))
    await site.store.settle(CLUSTER, ago, lambda _: grant)


async def observe(site: StepSite) -> list[str]:
    """Look twice; the titles of what people were told."""
    deps = Deps(store=site.store, hands={CLUSTER: site.hands}, pager=site.pages, engine=Running())
    for _ in range(2):
        await ActivityEnvironment().run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))
    return [title for title in site.pages.titles if "override" in title or "longer than expected" in title]


async def test_a_cluster_held_past_its_override_is_one_page(site):
    await held(site, lasts=1800)

    assert ["sim is held past the end of an override"] == await observe(site)


async def test_a_cluster_held_within_its_override_is_no_page(site):
    await held(site, lasts=7200)

    assert [] == await observe(site)
