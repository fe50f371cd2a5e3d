"""A rollout that waits for what can't come tells people once, and goes on where something else will do."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.rollout import RollingOut
from fleet import ids
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.messages import RolloutInput, RolloutOrder
from fleet.models.phases import GateAction
from fleet.models.rollouts import RolloutState, Trial
from tests.scenarios.site import CLUSTER
from tests.steps.reviews import CANARY, DRIVER


async def test_a_phase_that_can_not_pass_by_itself_pages_once(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}, "min_successes": 3}
    await reviews.start(phases=[canary, {"name": "everywhere"}])
    await reviews.look()
    await reviews.passed("gpu001", "gpu002")
    failed = {"at": await reviews.store.clock(), "versions": {"gpu-driver": "550.2"}, "rollouts": (DRIVER,)}
    await reviews.store.record_trials(
        (Trial(cluster=CLUSTER, host="gpu003", operation="visit/x", failed=True, **failed),)
    )

    await reviews.look()
    await reviews.look()

    assert [f"{DRIVER}: too few hosts passed in phase canary"] == [title for title, _, _ in reviews.owners.pages]


class Killed(BaseException):
    """A worker that dies."""


class Dies:
    """The store of a worker that dies as soon as a rollout is changed."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def change_rollout(self, *arguments: Any) -> Any:
        await self._store.change_rollout(*arguments)
        raise Killed


async def test_people_are_told_of_a_pause_whose_writer_died_before_it_could_tell(reviews):
    await reviews.start(phases=[{"name": "everywhere", "max_failure_rate": 0}])
    await reviews.look()
    failed = {"at": await reviews.store.clock(), "versions": {"gpu-driver": "550.2"}, "rollouts": (DRIVER,)}
    await reviews.store.record_trials(
        (Trial(cluster=CLUSTER, host="gpu003", operation="visit/x", failed=True, **failed),)
    )
    dies = RollingOut(replace(reviews.deps, store=Dies(reviews.store)))
    with pytest.raises(Killed):
        await ActivityEnvironment().run(dies.review_rollout, RolloutInput(rollout=DRIVER, cluster=CLUSTER))

    held = await reviews.look()
    await reviews.look()

    assert (RolloutState.PAUSED, GateAction.HOLD) == (held.state, held.action)
    assert [f"{DRIVER}: too many hosts fail in phase everywhere"] == [title for title, _, _ in reviews.owners.pages]


async def test_a_rollout_whose_stage_another_one_offboarded_pages_once_that_it_waits_for_ever(reviews):
    await reviews.start(version="550.1", prior="550.0")
    stop = RolloutOrder(actor="ann", reason="it hangs", rollout="gpu-driver/550.1", verb="offboard")
    await ActivityEnvironment().run(reviews.rolling.order_rollout, stop)
    await reviews.start(prior="550.0", stages=["550.1"])
    await reviews.store.record_versions(CLUSTER, "gpu001", {"gpu-driver": "550.0"}, await reviews.store.clock())

    held = await reviews.look()
    await reviews.look()

    reason = "gpu-driver 550.1 is next on its path, which gpu-driver/550.1 offboarded: ann: it hangs"
    assert (GateAction.HOLD, reason) == (held.action, held.reason)
    assert [(f"{DRIVER} waits for what was offboarded", "DRIVER_PEOPLE")] == [
        (title, to) for title, _, to in reviews.owners.pages
    ]


async def test_a_stage_that_was_offboarded_holds_up_nobody_who_is_past_it(reviews):
    await reviews.start(version="550.1", prior="550.0")
    stop = RolloutOrder(actor="ann", reason="it hangs", rollout="gpu-driver/550.1", verb="offboard")
    await ActivityEnvironment().run(reviews.rolling.order_rollout, stop)
    await reviews.start(prior="550.0", stages=["550.1"])
    for number in range(1, 7):
        versions = {"gpu-driver": "550.1" if number > 3 else "550.2"}
        await reviews.store.record_versions(CLUSTER, f"gpu00{number}", versions, await reviews.store.clock())

    assert GateAction.OPEN_NEXT == (await reviews.look()).action


async def test_a_stage_that_was_offboarded_holds_up_nobody_for_a_host_in_repair(reviews):
    await reviews.start(version="550.1", prior="550.0")
    stop = RolloutOrder(actor="ann", reason="it hangs", rollout="gpu-driver/550.1", verb="offboard")
    await ActivityEnvironment().run(reviews.rolling.order_rollout, stop)
    await reviews.start(prior="550.0", stages=["550.1"])
    for number in range(1, 7):
        versions = {"gpu-driver": "550.0" if number == 1 else "550.2"}
        await reviews.store.record_versions(CLUSTER, f"gpu00{number}", versions, await reviews.store.clock())
    assert GateAction.HOLD == (await reviews.look()).action

    operation = ids.repair_operation(CLUSTER, "gpu001", 1)
    lease = {"request": operation, "holder": ids.host(CLUSTER, "gpu001"), "operation": operation}
    failed = {"counted": Counted.FAILED, "since": await reviews.store.clock()}
    await reviews.store.lease_for_repair(LeaseHost(cluster=CLUSTER, host="gpu001", **lease, **failed))
    assert GateAction.OPEN_NEXT == (await reviews.look()).action


async def test_a_phase_whose_hosts_have_all_left_takes_others(reviews):
    await reviews.start(phases=[{**CANARY, "min_successes": 1}, {"name": "everywhere"}])
    await reviews.look()
    first = set(await reviews.store.cohort(DRIVER))
    for _, host in first:
        await reviews.store.set_decommissioned(CLUSTER, host, "ann", "sold", await reviews.store.clock())

    again, held = await reviews.look(), await reviews.look()

    assert (GateAction.OPEN_NEXT, "canary") == (again.action, again.phase)
    assert "canary: 0 of 1 successes" == held.reason
    assert 6 == len(await reviews.store.cohort(DRIVER))


async def test_people_are_told_once_of_a_rollout_that_visits_bring_and_whose_workflow_was_ended(reviews):
    await reviews.start(phases=[{"name": "everywhere"}])
    await reviews.look()
    await reviews.passed("gpu001")
    assert not reviews.owners.pages

    reviews.engine.ended.add("rollout/gpu-driver/550.2")
    for host in ("gpu002", "gpu003"):
        await reviews.passed(host)

    told = [f"{DRIVER} is brought to hosts and nobody looks at it"]
    assert told == [title for title, _, _ in reviews.owners.pages]
    await reviews.order("offboard")
    await reviews.passed("gpu004")
    assert told == [title for title, _, _ in reviews.owners.pages]
