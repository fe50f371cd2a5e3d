"""An upgrade that is offboarded in mid visit is not begun, also not at the fence; at the gate it is rolled back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.apply import Applying
from activities.drain import Draining
from activities.gate import Gating
from activities.reboot import Rebooting
from activities.returning import Returning
from fleet import ids
from fleet.models.intent import Before, IntentState
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.messages import Command
from fleet.models.rollout import RolloutSpec
from fleet.models.stack import Upgrade
from fleet.models.work import EndCause, HostWork, Step, StepAction, StepKind
from fleet.policy.rollout_orders import Verb, order_change
from tests.steps.site import VISIT, order

OPERATION = ids.operation(VISIT, "gpu001")
DRIVER = Upgrade(component="gpu-driver", version="550.2")
NIC = Upgrade(component="nic-firmware", version="1.1")


async def offboard(store, component="gpu-driver", version="550.2", prior="550.1"):
    spec = RolloutSpec.model_validate(
        {"component": component, "version": version, "prior": prior, "clusters": ["sim"], "phases": [{"name": "all"}]}
    )
    now = datetime.now(UTC)
    await store.start_rollout(spec, "ann", "go", now)
    change = order_change(Command(actor="ann", reason="it hangs"), Verb.OFFBOARD, now)
    await store.change_rollout(spec.id, change)


class OffboardsMeanwhile:
    """The store, in which somebody offboards the driver just before an intent is written."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def open_intent(self, *arguments: Any, **named: Any) -> Any:
        await offboard(self._store)
        return await self._store.open_intent(*arguments, **named)


def apply(upgrade=DRIVER):
    step = Step(key=f"apply:{upgrade.component}", kind=StepKind.APPLY, upgrade=upgrade, expected=timedelta(seconds=1))
    return order(StepKind.APPLY, step=step)


@pytest.fixture
async def drained(site):
    await site.drain()
    return site


async def test_an_upgrade_that_has_not_begun_is_left_out(drained):
    await offboard(drained.store)

    found = await drained.run(Applying(drained.deps).apply, apply())

    assert StepAction.SKIP is found.action
    assert "gpu-driver 550.2 is left out: it was offboarded: ann: it hangs" == found.reason
    assert [] == [r for r in drained.world.journal() if r.kind == "flash_started"]
    assert await drained.store.intent(OPERATION, "apply:gpu-driver") is None


async def test_another_upgrade_of_the_same_visit_goes_on(drained):
    await offboard(drained.store)

    found = await drained.run(Applying(drained.deps).apply, apply(NIC))

    assert StepAction.GO_ON is found.action


async def test_an_offboarding_between_the_look_and_the_fence_withdraws_the_intent(drained):
    deps = replace(drained.deps, store=OffboardsMeanwhile(drained.store))

    found = await drained.run(Applying(deps).apply, apply())

    assert StepAction.SKIP is found.action
    assert [] == [r for r in drained.world.journal() if r.kind == "flash_started"]
    assert IntentState.WITHDRAWN is (await drained.store.intent(OPERATION, "apply:gpu-driver")).state


async def test_the_gate_leads_back_what_this_visit_brought(drained):
    await drained.store.open_intent(OPERATION, "apply:gpu-driver", "t", Before(version="550.1"), datetime.now(UTC))
    await offboard(drained.store)

    found = await drained.run(Gating(drained.deps).gate, order(StepKind.GATE, applied=(NIC, DRIVER)))

    assert StepAction.ROLL_BACK is found.action
    assert "gpu-driver 550.2 was offboarded in mid visit (ann: it hangs) and is rolled back" == found.reason
    assert ["apply:gpu-driver:back1", "reboot:back1"] == [s.key for s in found.steps][:2]
    assert Upgrade(component="gpu-driver", version="550.1") == found.steps[0].upgrade


async def test_a_host_that_the_reboot_of_its_visit_left_down_is_led_back(drained):
    now = datetime.now(UTC)
    await drained.store.open_intent(OPERATION, "apply:gpu-driver", "t", Before(version="550.1"), now)
    await drained.store.open_intent(OPERATION, "reboot", "t", Before(boot_id="1"), now)
    drained.world.leave_down("gpu001")  # as Slurm does, which then shows it as DOWN+DRAIN
    await offboard(drained.store)
    gate = await drained.run(Gating(drained.deps).gate, order(StepKind.GATE, applied=(DRIVER,)))
    back, reboot = gate.steps[:2]

    written = await drained.run(Applying(drained.deps).apply, order(StepKind.APPLY, step=back))
    booted = await drained.run(Rebooting(drained.deps).reboot, order(StepKind.REBOOT, step=reboot))

    assert (StepAction.GO_ON, StepAction.GO_ON) == (written.action, booted.action)


async def test_a_host_without_a_way_back_says_nothing_of_what_else_boarded(drained):
    await drained.store.open_intent(OPERATION, "apply:gpu-driver", "t", Before(version="550.1"), datetime.now(UTC))
    await offboard(drained.store)
    await offboard(drained.store, version="550.1", prior="550.0")

    found = await drained.run(Gating(drained.deps).gate, order(StepKind.GATE, applied=(NIC, DRIVER)))

    assert (StepAction.HAND_OVER, True) == (found.action, found.blameless)
    assert "there is no way back to an earlier version" in found.reason


async def boards_together(site):
    """The visit boards both upgrades, of which the matrix allows the firmware with the new driver only."""
    old = {"gpu-driver": "550.1", "nic-firmware": "1.1"}
    now = datetime.now(UTC)
    await site.store.add_matrix("sim", (MatrixEntry(components=old, verdict=Verdict.BROKEN),), "ann", "found", now)
    before = {"nic-firmware": "1.0", "gpu-driver": "550.1", "nccl": "2.21"}
    await site.store.record_versions("sim", "gpu001", before, now)
    steps = tuple(apply(u).step for u in (NIC, DRIVER))
    work = HostWork(cluster="sim", pool="gpu", host="gpu001", operation=OPERATION, visit=VISIT, steps=steps)
    await site.store.save_work(work)


async def test_no_job_has_to_go_for_a_visit_all_of_whose_upgrades_were_offboarded(site):
    await boards_together(site)
    await offboard(site.store)  # and the firmware can't stand without the driver

    found = await site.run(Draining(site.deps).drain, order(StepKind.DRAIN))

    assert (StepAction.GIVE_BACK, EndCause.UPGRADE) == (found.action, found.cause)
    assert 0 == site.drains()


async def test_a_host_is_drained_for_what_is_left_of_its_visit(site):
    steps = (apply().step, apply(NIC).step)
    await site.store.save_work(HostWork(cluster="sim", pool="gpu", host="gpu001", operation=OPERATION, steps=steps))
    before = {"nic-firmware": "1.0", "gpu-driver": "550.1", "nccl": "2.21"}
    await site.store.record_versions("sim", "gpu001", before, datetime.now(UTC))
    await offboard(site.store)

    found = await site.run(Draining(site.deps).drain, order(StepKind.DRAIN))

    assert (StepAction.GO_ON, 1) == (found.action, site.drains())


async def test_what_can_not_stand_without_an_offboarded_upgrade_is_left_out_with_it(drained):
    await boards_together(drained)
    await offboard(drained.store)

    found = await drained.run(Applying(drained.deps).apply, apply(NIC))

    assert StepAction.SKIP is found.action
    assert (
        "nic-firmware 1.1 is left out: with what was offboarded left out, the set would not be allowed" in found.reason
    )


async def test_the_gate_leads_back_what_can_not_stand_without_an_offboarded_upgrade(drained):
    await boards_together(drained)
    await drained.run(Applying(drained.deps).apply, apply(NIC))
    await drained.run(Rebooting(drained.deps).reboot, order(StepKind.REBOOT))
    await offboard(drained.store)

    found = await drained.run(Gating(drained.deps).gate, order(StepKind.GATE, applied=(NIC,)))

    assert StepAction.ROLL_BACK is found.action
    assert "nic-firmware 1.1 can't stand without what was offboarded in mid visit and is rolled back" == found.reason
    assert Upgrade(component="nic-firmware", version="1.0") == found.steps[0].upgrade


async def test_a_version_that_is_offboarded_after_the_gate_does_not_return(drained):
    await offboard(drained.store)

    with pytest.raises(ApplicationError, match="which was offboarded after its gate") as refused:
        await drained.run(Returning(drained.deps).return_host, order(StepKind.RETURN, applied=(NIC, DRIVER)))

    assert refused.value.non_retryable
    assert await drained.drained()


@pytest.mark.parametrize("undrain", [False, True])
async def test_nor_is_it_left_in_the_hands_of_who_drained_it_meanwhile(drained, undrain):
    """They may let it serve jobs as it is. At the gate the drain was another's, or ours still."""
    drained.world.drain_by_other("gpu001", "admin: disk check")
    await offboard(drained.store)

    back = order(StepKind.RETURN, applied=(NIC, DRIVER), undrain=undrain)
    with pytest.raises(ApplicationError, match="which was offboarded after its gate"):
        await drained.run(Returning(drained.deps).return_host, back)

    assert (await drained.store.lease("sim", "gpu001")).operation == OPERATION


async def test_the_gate_says_nothing_of_a_version_that_the_host_came_with(drained):
    await drained.touch()
    await offboard(drained.store, version="550.1", prior="550.0")

    found = await drained.run(Gating(drained.deps).gate, order(StepKind.GATE))

    assert "health is not run" in found.reason


async def test_no_host_returns_from_repair_with_an_offboarded_version(drained):
    operation = await drained.hand_over("gpu002")
    await offboard(drained.store, version="550.1", prior="550.0")

    found = await drained.run(
        Gating(drained.deps).gate, order(StepKind.GATE, "gpu002", operation=operation, repair=True)
    )

    assert StepAction.HAND_OVER is found.action
    assert "gpu-driver 550.1 was offboarded: ann: it hangs" in found.reason


async def test_no_host_returns_from_repair_with_a_version_that_was_offboarded_after_its_gate(drained):
    operation = await drained.hand_over("gpu002")
    at_gate = order(StepKind.GATE, "gpu002", operation=operation, repair=True)
    await drained.run(Gating(drained.deps).gate, at_gate)
    await offboard(drained.store, version="550.1", prior="550.0")

    back = order(StepKind.RETURN, "gpu002", operation=operation, repair=True)
    with pytest.raises(ApplicationError, match=r"gpu-driver 550\.1 was offboarded: ann: it hangs") as refused:
        await drained.run(Returning(drained.deps).return_host, back)

    assert refused.value.non_retryable
    assert await drained.drained("gpu002")
