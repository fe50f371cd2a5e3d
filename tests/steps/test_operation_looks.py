"""An operation's looks on a real store: it asks, is granted, boards, and ends."""

import asyncio
import sqlite3
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.dispatcher import Dispatching
from activities.operation import Operating
from activities.operation_boarding import OperationBoarding
from drivers.registry import OpenDrivers
from fleet.errors import Unreachable
from fleet.models.messages import ClusterInput
from fleet.models.operation import OperationChange, OperationState, OperationWork, Said, Word
from fleet.models.operation_messages import OperationAction, OperationBoard, OperationOrder
from fleet.models.work import HostWork
from fleet.policy.grants import settle
from fleet.policy.operation_orders import speak
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.operation_looks import DOWN, Looks, answer, as_granted
from tests.steps.other import Other


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
    assert (OperationAction.AGAIN, "preparing") == answer(await looks.look())
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

    await looks.store.change_operation("op/1", as_granted)
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

    assert (OperationAction.END, "failed") == answer(review)
    assert "no host of its scope can be worked on: sim/gpu003: failed (owner: operator): down" == review.reason


async def test_a_hold_on_nothing_but_hosts_that_are_out_takes_nobody_and_parks_all(looks):
    await looks.asking((CLUSTER, DOWN))
    await looks.settle()
    await looks.look()

    assert () == await looks.store.leases("op/1")
    assert 1 == len(await looks.store.parkings(CLUSTER, DOWN))


async def test_a_hold_is_given_back_when_a_host_that_was_out_is_in_production_again(looks):
    """As one is whose visit lifted its drain just before the grant: nobody holds it, and nobody will park it."""
    await looks.asking((CLUSTER, "gpu[002-004]"))
    await looks.settle()
    await looks.look()
    assert "gpu003" in (await looks.look()).reason

    await looks.observe(CLUSTER, after=10)
    review = await looks.look()

    assert (OperationAction.AGAIN, "closing") == answer(review)
    assert (
        "its work can't begin, since sim/gpu003 is in production again; it has to be asked for as well" == review.reason
    )
    op = await looks.store.operation("op/1")
    assert ("given_back", "maintrain") == (op.word.said, op.word.actor)
    assert not await looks.store.parkings(CLUSTER, DOWN)


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

    assert (OperationAction.END, "expired") == answer(review)
    assert () == await looks.store.operation_requests("op/1")


async def test_a_cancel_between_grant_and_beginning_gives_the_hosts_back(looks):
    await looks.asking((CLUSTER, "gpu002"))
    await looks.settle()
    word = Word(said=Said.CANCEL, actor="ann", reason="not now", at=datetime.now(UTC))
    await looks.store.change_operation("op/1", speak(word))

    assert (OperationAction.END, "cancelled") == answer(await looks.look())
    assert () == await looks.store.leases("op/1")


async def test_a_word_by_signal_is_a_row(looks):
    await looks.asking((CLUSTER, "gpu002"))
    order = OperationOrder(actor="ann", reason="not now", operation="op/1", said="cancel")
    await ActivityEnvironment().run(looks.operating.order_operation, order)

    assert Said.CANCEL is (await looks.store.operation("op/1")).word.said


async def test_who_stood_still_between_its_look_and_the_beginning_looks_again(looks, tmp_path):
    """What it saw may be true no more, and another worker's look may have seen that and left all as it was."""
    await looks.asking((CLUSTER, DOWN))
    await looks.store.settle(CLUSTER, datetime.now(UTC) - timedelta(seconds=30), settle)
    await looks.look()
    looks.operating = Operating(looks.deps, begins_within=0.1)
    async with held(tmp_path / "facts.db"):
        late = await looks.look()

    assert (OperationAction.AGAIN, "preparing") == answer(late)
    looks.operating = Operating(looks.deps)
    assert (OperationAction.AGAIN, "working") == answer(await looks.look())


async def test_work_through_which_jobs_run_on_begins_without_a_host(looks):
    await looks.asking((CLUSTER, "gpu[002-004]"), kind="clean-optics", takes=False)
    await looks.settle()
    await looks.look()
    await looks.look()

    assert OperationState.WORKING is (await looks.store.operation("op/1")).state
    assert () == await looks.store.leases("op/1")


async def test_a_grant_begins_when_it_is_written_however_long_it_waited_for_the_ledger(looks, tmp_path):
    """From then on a fence's life is counted in which whoever works on its scope may still be sending."""
    await looks.asking((CLUSTER, "gpu[002-004]"))
    async with held(tmp_path / "facts.db") as free:
        await ActivityEnvironment().run(Dispatching(looks.deps).settle, ClusterInput(cluster=CLUSTER))

    [parking] = await looks.store.parkings(CLUSTER, DOWN)
    assert parking.since >= free[0]


@asynccontextmanager
async def held(path):
    """Another process writes for a while: nobody else can. When it was over is in the list, at the end."""
    begun, over = threading.Event(), []

    def hold():
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun.set()
        time.sleep(0.3)
        over.append(datetime.now(UTC))
        other.execute("ROLLBACK")
        other.close()

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(begun.wait)
    yield over
    await holding


async def test_a_host_that_is_flashed_is_not_let_go_by_one_who_began_to_read_its_versions_before(looks):
    """While it is flashed its versions can't be read."""
    upgrade = {"component": "gpu-driver", "version": "550.3"}
    await looks.asking((CLUSTER, "gpu002"), kind="upgrade-host", work=OperationWork.UPGRADE, upgrades=(upgrade,))
    await looks.settle()
    await looks.look()
    lease = await looks.store.lease(CLUSTER, "gpu002")

    async def versions(host):
        work = HostWork(cluster=CLUSTER, pool=POOL, host=host, operation=lease.operation, visit="op/1")
        await looks.store.save_work(work)  # the attempt after it, which has begun on the host
        raise Unreachable("it is flashed")

    hands = OpenDrivers(scheduler=None, hardware=Other(None, versions=versions), verifier=None)
    late = OperationBoarding(replace(looks.deps, hands={CLUSTER: hands}))
    found = await ActivityEnvironment().run(late.board_operation, OperationBoard(operation="op/1", cluster=CLUSTER))

    assert ["gpu002"] == [work.host for work in found.works]
    assert lease == await looks.store.lease(CLUSTER, "gpu002")
    assert [] == list(await looks.store.outcomes(CLUSTER, host="gpu002"))
