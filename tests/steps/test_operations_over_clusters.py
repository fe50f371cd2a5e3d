"""An operation's looks where it is over two clusters, in both at once, or is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.operations import lost_operations, open_operation, settle_over_clusters
from activities.pages import late
from fleet.models.operation import OperationWork, Said, Word
from fleet.models.operation_messages import OperationAction
from fleet.policy.operation_orders import speak
from tests.policy.make import lease
from tests.scenarios.site import CLUSTER
from tests.steps.operation_looks import DOWN, HOSTS, OTHER, Looks, answer, as_over

BOTH = ((CLUSTER, "gpu001"), (OTHER, "gpu001"))


@pytest.fixture
async def looks(tmp_path):
    opened = await Looks.open(tmp_path)
    yield opened
    await opened.store.close()


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
    await looks.store.change_operation("op/1", as_over)
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

    assert (OperationAction.END, "cancelled") == answer(await looks.look())
    assert (OperationAction.END, "failed") == answer(await looks.look("op/2"))


def test_an_operation_that_takes_too_long_is_one_page_for_all_of_its_hosts():
    first, second = (late(lease(name, holder="op/7", why="replace-nic: go"), None) for name in HOSTS[:2])

    assert (first.key, "op/7 takes longer than expected: replace-nic: go") == (second.key, first.title)
