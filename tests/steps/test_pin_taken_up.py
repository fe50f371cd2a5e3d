"""A pin switch is approved anew when it checks anew, and taken up again when its workflow is gone."""

import dataclasses
from datetime import timedelta

import pytest

from activities.dispatcher import Dispatching
from activities.pin import PinSwitching
from fleet.models.matrix import MatrixEntry
from fleet.models.messages import ClusterInput
from fleet.models.pin import PinChange, PinHostState, PinSpec, PinState
from fleet.models.pin_messages import PinOrder
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.pins import INPUT, MINE, SWITCH, now, run


async def test_what_was_approved_is_asked_for_anew_when_hosts_do_not_fit_any_more(switch):
    spec = PinSpec(cluster=CLUSTER, component="nccl", version="2.22", window=timedelta(minutes=5))
    await switch.site.store.start_pin_switch(spec, "2.21", "ann", "it is out", now())
    deps = dataclasses.replace(switch.deps, engine=Engine({}))
    await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))
    await switch.become(state=PinState.ASKING, approved_by="bob")
    await run(PinSwitching(switch.deps).review_pin, INPUT)

    row = await switch.row()
    assert (PinState.CHECKING, "") == (row.state, row.approved_by)
    await run(PinSwitching(switch.deps).review_pin, INPUT)
    anew = f"The pin switch of {row.name} checks anew, and asks for its approval again"
    assert [anew] == switch.deps.pager.titles, "whoever approved it counts on it"


@pytest.mark.parametrize("state", [PinState.CHECKING, PinState.ASKING])
async def test_one_that_is_aborted_while_it_is_looked_at_asks_nobody_for_anything(switch, state):
    await switch.begin(state)
    await switch.tested()
    store = switch.site.store

    async def matrix(cluster):
        """Read in the middle of the look."""
        await run(PinSwitching(switch.deps).order_pin, PinOrder(actor="bob", reason="no", switch=SWITCH, verb="abort"))
        return await store.matrix(cluster)

    await run(PinSwitching(dataclasses.replace(switch.deps, store=Other(store, matrix=matrix))).review_pin, INPUT)
    assert state is (await switch.row()).state
    assert [] == switch.deps.pager.titles
    assert "called_off" == (await run(PinSwitching(switch.deps).review_pin, INPUT)).state


async def test_an_approval_that_is_tried_again_does_not_approve_what_is_asked_for_anew(switch):
    """Its worker died before it could answer; the switch checked anew meanwhile, and nobody has seen what it asks."""
    await switch.begin(PinState.ASKING)
    order = PinOrder(actor="bob", reason="go", switch=SWITCH, verb="approve")
    for approved in ("bob", ""):
        assert "approved by bob" == await run(PinSwitching(switch.deps).order_pin, order)
        assert approved == (await switch.row()).approved_by
        await switch.become(approved_by="")


async def test_an_approval_that_is_asked_for_anew_is_paged_anew(switch):
    await switch.begin(PinState.ASKING)
    await switch.tested()
    await switch.note(PinHostState.PREPARED, *MINE)
    for asked in (1, 2):
        await switch.become(changed_at=now())
        for _ in range(2):
            await run(PinSwitching(switch.deps).review_pin, INPUT)
        assert asked == len([t for t in switch.deps.pager.titles if t.endswith("waits for an approval")])


async def test_a_host_that_a_visit_had_when_it_was_approved_is_judged_before_the_cluster_is_closed(switch):
    """A visit under way brings its host to what was never tested with the new pin; then the cluster is granted."""
    await switch.begin(PinState.REQUESTING)
    entries = (
        MatrixEntry(components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"}),
        MatrixEntry(components={"gpu-driver": "570.*"}, pins={"nccl": "2.21"}),
    )
    await switch.site.store.add_matrix(CLUSTER, entries, "ann", "qualified", now())
    await switch.become(approved_by="bob")
    await switch.site.store.record_versions(CLUSTER, MINE[0], {"gpu-driver": "570.86.15", "nccl": "2.21"}, now())

    found = await run(PinSwitching(switch.deps).review_pin, INPUT)
    row = await switch.row()
    assert (PinState.CHECKING, "", 1) == (row.state, row.approved_by, row.ask)
    assert f"1 of 3 hosts may not carry nccl 2.22 as they are, such as {MINE[0]}: " in found.reason
    await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert () == await switch.site.store.leases(SWITCH), "the cluster is not kept while it checks"


@pytest.mark.parametrize(("runs", "lost"), [(True, ()), (False, (SWITCH,))])
async def test_a_switch_that_is_not_over_and_lost_its_workflow_is_told_and_keeps_its_hosts(switch, runs, lost):
    await switch.begin(PinState.MOVING)
    deps = dataclasses.replace(switch.deps, engine=Engine({SWITCH: runs}))
    observed = await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))
    assert lost == observed.lost_switches
    assert not {*MINE} & {handed.work.host for handed in observed.ownerless}

    await switch.become(state=PinState.LATE)
    later = PinSpec(cluster=CLUSTER, component="nccl", version="2.23", window=timedelta(minutes=5))
    after = await switch.site.store.start_pin_switch(later, "2.22", "ann", "it is out", now())
    observed = await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))
    assert lost == observed.lost_switches, "one that is late is not forgotten once a later one has begun"

    for over in (SWITCH, after.id):
        await switch.site.store.change_pin_switch(
            over, lambda before: PinChange(switch=before.model_copy(update={"state": PinState.CALLED_OFF}))
        )
    assert () == (await run(Dispatching(deps).observe, ClusterInput(cluster=CLUSTER))).lost_switches


class Engine:
    """An engine that runs what it is told; everything else but that, too."""

    def __init__(self, known: dict[str, bool]) -> None:
        self.known = known

    async def running(self, workflow_id: str) -> bool:
        return self.known.get(workflow_id, not workflow_id.startswith("host/"))
