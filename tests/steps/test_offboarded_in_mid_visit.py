"""An upgrade that is offboarded in mid visit is not begun, also not at the fence; at the gate it is rolled back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.apply import Applying
from activities.gate import Gating
from fleet import ids
from fleet.models.intent import Before, IntentState
from fleet.models.messages import Command
from fleet.models.rollout import RolloutSpec
from fleet.models.stack import Upgrade
from fleet.models.work import Step, StepAction, StepKind
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

    async def open_intent(self, *arguments: Any) -> Any:
        await offboard(self._store)
        return await self._store.open_intent(*arguments)


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
    assert "gpu-driver 550.2 was offboarded in mid visit and is rolled back: ann: it hangs" == found.reason
    assert ["apply:gpu-driver:back1", "reboot:back1"] == [s.key for s in found.steps][:2]
    assert Upgrade(component="gpu-driver", version="550.1") == found.steps[0].upgrade


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
