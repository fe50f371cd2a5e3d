"""The dispatcher's look tells the scheduler of an approved pin switch with a date, until it closes the cluster."""

from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.announcing import SWITCH
from activities.dispatcher import Dispatching
from fleet import ids
from fleet.models.fleetfile import Announce
from fleet.models.messages import ClusterInput
from fleet.models.pin import PinSpec, PinState
from tests.scenarios.site import CLUSTER
from tests.steps.pins import now
from tests.steps.test_told_and_noted import Running


async def test_a_dated_switch_is_announced_on_every_host_that_is_up_until_it_closes(site, switch):
    record = await site.store.fleet()
    cluster = record.fleet.clusters[0].model_copy(update={"announce": Announce.RESERVATION})
    fleet = record.fleet.model_copy(update={"clusters": (cluster,)})
    await site.store.load_fleet(fleet, "the file, again", "ann", "tell the scheduler", now())
    window, at = timedelta(minutes=5), now() + timedelta(hours=3)
    spec = PinSpec(cluster=CLUSTER, component="nccl", version="2.22", window=window, at=at)
    await site.store.start_pin_switch(spec, "2.21", "ann", "it is out", now())
    look = Dispatching(replace(site.deps, engine=Running())).observe

    seen = []
    for changes in ({"state": PinState.ASKING}, {"approved_by": "ann"}, {"state": PinState.CLOSING}):
        await switch.become(**changes)
        await ActivityEnvironment().run(look, ClusterInput(cluster=CLUSTER))
        seen.append([r.detail["hosts"] for r in site.world.journal() if r.kind == "announced"])

    # Two hosts are the visit's.
    hosts = [f"gpu{n:03}" for n in range(3, 7)]
    assert [[], [hosts], [hosts, []]] == seen
    names = {r.detail["reservation"] for r in site.world.journal() if r.kind == "announced"}
    assert {f"{ids.NEXT_RESERVATION}{SWITCH}"} == names
