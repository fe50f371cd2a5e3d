"""An operation's looks on a real store: it asks, is granted, boards, and ends; over two clusters in both at once."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.operation import Operating
from activities.operation_boarding import OperationBoarding
from activities.operations import lost_operations, open_operation, settle_over_clusters
from activities.pages import late
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.observation import Observation, ObservedHost
from fleet.models.operation import OperationChange, OperationSpec, OperationState, OperationWork, Said, Word
from fleet.models.operation_messages import OperationAction, OperationBoard, OperationInput, OperationOrder
from fleet.models.scheduler import Node, NodeBase
from fleet.models.scope import ScopePart
from fleet.policy.grants import settle
from fleet.policy.operation_orders import speak
from store import open_store
from tests.parts.facts import new_facts
from tests.policy.make import lease
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document

OTHER = "sim2"
HOSTS = tuple(f"gpu{n:03}" for n in range(1, 10))
DOWN = "gpu003"


class Engine:
    """Runs what the test says."""

    def __init__(self) -> None:
        self.runs: set[str] = set()

    async def running(self, workflow_id: str) -> bool:
        return workflow_id in self.runs


class Looks:
    """Two clusters of nine hosts each, gpu003 of either down, and an operation on it."""

    def __init__(self, store) -> None:
        self.store, self.engine = store, Engine()
        self.deps = Deps(store=store, hands={}, pager=None, engine=self.engine)
        self.operating = Operating(self.deps)

    @classmethod
    async def open(cls, folder) -> "Looks":
        document = quiet(fleet_document(9, 3, planned_buffer=6, floor=2))
        document["clusters"].append({**deepcopy(document["clusters"][0]), "name": OTHER})
        looks = cls(await open_store(new_facts(folder / "facts.db")))
        await looks.store.load_fleet(FleetFile.model_validate(document), "the file", "ann", "begin", datetime.now(UTC))
        for cluster in (CLUSTER, OTHER):
            await looks.observe(cluster, (DOWN,))
        return looks

    async def drop(self, cluster) -> None:
        """Out of the fleet file, though work on it is open."""
        fleet = (await self.store.fleet()).fleet
        left = fleet.model_copy(update={"clusters": tuple(c for c in fleet.clusters if c.name != cluster)})
        await self.store.load_fleet(left, "another", "ann", "drop", datetime.now(UTC))

    async def observe(self, cluster, down=()) -> None:
        now = datetime.now(UTC)
        members = tuple(Host(cluster=cluster, name=n, pool=POOL, rack="r1", since=now) for n in HOSTS)
        await self.store.sync_hosts(cluster, members, now)
        bases = {n: NodeBase.DOWN if n in down else NodeBase.IDLE for n in HOSTS}
        seen = {n: ObservedHost(host=n, node=Node(name=n, base=base)) for n, base in bases.items()}
        await self.store.record_observation(Observation(cluster=cluster, began_at=now, hosts=seen))

    async def submit(self, *scope, **changes) -> str:
        parts = (ScopePart(cluster=c, kind="host", name=names) for c, names in scope)
        given = {"kind": "service-rack-power", "not_with": ("upgrade-host",), "duration": timedelta(minutes=5)}
        spec = OperationSpec(**{**given, "scope": tuple(parts), "actor": "ann", "reason": "go", "key": "k", **changes})
        op, _ = await self.store.submit_operation(spec, datetime.now(UTC))
        return op.id

    async def look(self, op_id="op/1"):
        order = OperationInput(operation=op_id, cluster=CLUSTER)
        return await ActivityEnvironment().run(self.operating.review_operation, order)

    async def asking(self, *scope, **changes) -> str:
        """Submitted, and its requests filed."""
        op_id = await self.submit(*scope, **changes)
        assert (OperationAction.AGAIN, "asking") == _seen(await self.look())
        assert (OperationAction.WAIT, "asking") == _seen(await self.look())
        return op_id

    async def settle(self, cluster=CLUSTER) -> None:
        await self.store.settle(cluster, datetime.now(UTC), settle)

    async def board(self, cluster=CLUSTER):
        order = OperationBoard(operation="op/1", cluster=cluster)
        return (await ActivityEnvironment().run(OperationBoarding(self.deps).board_operation, order)).works


def _as_granted(op):
    return OperationChange(op.model_copy(update={"state": OperationState.PREPARING}))


def _as_over(op):
    return OperationChange(op.model_copy(update={"state": OperationState.CANCELLED}))


def _seen(review):
    return review.action, review.state


@pytest.fixture
async def looks(tmp_path):
    opened = await Looks.open(tmp_path)
    yield opened
    await opened.store.close()


async def test_a_hold_asks_for_what_is_up_and_parks_what_is_out(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"))
    [request] = await looks.store.operation_requests("op/1")

    assert (("gpu002", "gpu004"), ("gpu002", "gpu003", "gpu004")) == (request.hosts, request.part.scope)


async def test_a_granted_hold_boards_its_hosts_with_a_hold_between_drain_and_verification(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"))
    await looks.settle()
    assert (OperationAction.AGAIN, "preparing") == _seen(await looks.look())
    review = await looks.look()
    works = await looks.board()

    assert (OperationAction.BOARD, (CLUSTER,)) == (review.action, review.clusters)
    assert ["gpu002", "gpu004"] == [w.host for w in works]
    assert ["drain", "hold", "verify:health"] == [s.key for s in works[0].steps][:3]
    assert {"op/1"} == {w.visit for w in works}
    assert works == await looks.board()


async def test_a_host_on_which_a_workflow_is_under_way_is_not_begun_again(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"))
    await looks.settle()
    await looks.look()
    looks.engine.runs.add(f"host/{CLUSTER}/gpu002")
    order = OperationBoard(operation="op/1", cluster=CLUSTER)
    boarded = await ActivityEnvironment().run(OperationBoarding(looks.deps).board_operation, order)

    assert (["gpu004"], ("gpu002",)) == ([w.host for w in boarded.works], boarded.running)


async def test_who_is_slow_to_park_is_looked_at_less_and_less_often(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"))
    await looks.settle()
    await looks.look()
    first = await looks.look()
    ago = datetime.now(UTC) - timedelta(minutes=30)
    await looks.store.change_operation("op/1", lambda op: OperationChange(op.model_copy(update={"granted_at": ago})))

    assert (5, 90) == (first.wait_seconds, round((await looks.look()).wait_seconds))


async def test_a_grant_is_acknowledged_also_when_the_look_that_saw_it_died(looks):
    await looks.asking((CLUSTER, "gpu002"))
    await looks.settle()
    assert ["op/1"] == [r.id for r in await looks.store.unacknowledged(CLUSTER)]

    await looks.store.change_operation("op/1", _as_granted)
    await looks.look()

    assert () == await looks.store.unacknowledged(CLUSTER)


async def test_our_own_work_leaves_out_a_host_that_is_down_by_name(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"), kind="reboot-host", work=OperationWork.REBOOT)
    [request] = await looks.store.operation_requests("op/1")
    op = await looks.store.operation("op/1")

    assert (("gpu002", "gpu004"), [f"{CLUSTER}/{DOWN}"]) == (request.part.scope, list(op.left_out))


async def test_our_own_work_on_nothing_but_hosts_that_are_out_fails_with_the_reason(looks):
    await looks.submit((CLUSTER, DOWN), kind="reboot-host", work=OperationWork.REBOOT)
    await looks.look()
    review = await looks.look()

    assert (OperationAction.END, "failed") == _seen(review)
    assert "no host of its scope can be worked on: sim/gpu003: failed (owner: operator): down" == review.reason


async def test_a_hold_on_nothing_but_hosts_that_are_out_takes_nobody_and_parks_all(looks):
    await looks.asking((CLUSTER, DOWN))
    await looks.settle()
    await looks.look()

    assert () == await looks.store.leases("op/1")
    assert 1 == len(await looks.store.parkings(CLUSTER, DOWN))


async def test_a_host_that_comes_up_while_it_waits_is_asked_for_as_well(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"))
    await looks.observe(CLUSTER)
    await looks.settle()
    assert "gpu003, which is in production again" in (await looks.store.operation_requests("op/1"))[0].waits_because

    await looks.look()
    assert ("gpu002", "gpu003", "gpu004") == (await looks.store.operation_requests("op/1"))[0].hosts


async def test_a_window_that_passes_ends_it_and_leaves_no_request(looks):
    await looks.submit((CLUSTER, "gpu002"), latest=datetime.now(UTC) + timedelta(seconds=1))
    await looks.look()
    review = await looks.look()

    assert (OperationAction.END, "expired") == _seen(review)
    assert () == await looks.store.operation_requests("op/1")


async def test_a_cancel_between_grant_and_beginning_gives_the_hosts_back(looks):
    await looks.asking((CLUSTER, "gpu002"))
    await looks.settle()
    word = Word(said=Said.CANCEL, actor="ann", reason="not now", at=datetime.now(UTC))
    await looks.store.change_operation("op/1", speak(word))

    assert (OperationAction.END, "cancelled") == _seen(await looks.look())
    assert () == await looks.store.leases("op/1")


async def test_a_word_by_signal_is_a_row(looks):
    await looks.asking((CLUSTER, "gpu002"))
    order = OperationOrder(actor="ann", reason="not now", operation="op/1", said="cancel")
    await ActivityEnvironment().run(looks.operating.order_operation, order)

    assert Said.CANCEL is (await looks.store.operation("op/1")).word.said


async def test_work_through_which_jobs_run_on_begins_without_a_host(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"), kind="clean-optics", takes=False)
    await looks.settle()
    await looks.look()
    await looks.look()

    assert OperationState.WORKING is (await looks.store.operation("op/1")).state
    assert () == await looks.store.leases("op/1")


BOTH = ((CLUSTER, "gpu001"), (OTHER, "gpu001"))


async def test_two_clusters_are_granted_at_once_and_hosts_of_one_name_are_told_apart(looks):
    await looks.asking(*BOTH)
    await looks.settle()
    await looks.settle(OTHER)
    assert () == await looks.store.leases("op/1")

    assert 1 == await settle_over_clusters(looks.deps, CLUSTER)
    held = {(x.cluster, x.operation) for x in await looks.store.leases("op/1")}
    assert {(c, f"op/1/{c}#gpu001") for c in (CLUSTER, OTHER)} == held


async def test_a_cluster_that_can_not_keeps_the_other_waiting_with_the_reason(looks):
    await looks.asking(*BOTH)
    await looks.observe(OTHER, HOSTS)

    assert 0 == await settle_over_clusters(looks.deps, CLUSTER)
    mine = next(r for r in await looks.store.operation_requests("op/1") if r.cluster == CLUSTER)
    assert f"waits to begin in {CLUSTER}, {OTHER} at once; not yet in {OTHER}" == mine.waits_because


async def test_an_operation_without_a_workflow_is_found(looks):
    await looks.submit((CLUSTER, "gpu001"))
    facts = await looks.store.facts(CLUSTER, datetime.now(UTC))
    assert ("op/1",) == await lost_operations(looks.deps, facts)

    looks.engine.runs.add("op/1")
    assert () == await lost_operations(looks.deps, facts)


async def test_hosts_of_an_open_operation_of_another_clusters_are_not_ownerless(looks):
    await looks.asking(*BOTH)
    await looks.settle()
    await settle_over_clusters(looks.deps, CLUSTER)
    facts = await looks.store.facts(OTHER, datetime.now(UTC))

    assert ["gpu001"] == list(facts.leases)
    assert await open_operation(looks.deps, "op/1")
    await looks.store.change_operation("op/1", _as_over)
    assert not await open_operation(looks.deps, "op/1")


async def test_a_cluster_in_which_nobody_is_to_be_worked_on_is_not_waited_for(looks):
    scope = ((CLUSTER, DOWN), (OTHER, "gpu001"))
    await looks.asking(*scope, kind="reboot-host", work=OperationWork.REBOOT)
    await looks.settle(OTHER)

    assert [(OTHER, "gpu001")] == [(x.cluster, x.host) for x in await looks.store.leases("op/1")]


async def test_an_operation_whose_cluster_is_gone_can_be_called_off_and_ends_by_itself(looks):
    await looks.submit((OTHER, "gpu001"), earliest=datetime.now(UTC) + timedelta(hours=1))
    await looks.submit((OTHER, "gpu002"), key="k2")
    await looks.drop(OTHER)
    word = Word(said=Said.CANCEL, actor="ann", reason="not now", at=datetime.now(UTC))
    await looks.store.change_operation("op/1", speak(word))
    await looks.look("op/2")

    assert (OperationAction.END, "cancelled") == _seen(await looks.look())
    assert (OperationAction.END, "failed") == _seen(await looks.look("op/2"))


def test_an_operation_that_takes_too_long_is_one_page_for_all_of_its_hosts():
    first, second = (late(lease(name, holder="op/7", why="replace-nic: go"), None) for name in HOSTS[:2])

    assert (first.key, "op/7 takes longer than expected: replace-nic: go") == (second.key, first.title)
