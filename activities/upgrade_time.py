"""How long an upgrade may take on its host, by its component: nobody waits for ever for a device."""

from datetime import timedelta

from activities.attempt import Attempt
from activities.deps import Deps
from fleet.models.intent import Intent
from fleet.models.stack import PATIENCE_AT_LEAST, Component, Upgrade
from fleet.models.work import StepResult
from fleet.policy.step_ends import not_ended


async def component_of(deps: Deps, acting: Attempt, upgrade: Upgrade) -> Component | None:
    """The stack's word on what is upgraded; None once the fleet file has it no more."""
    return (await deps.cluster(acting.order.cluster)).stack.component(upgrade.component)


async def lasts(deps: Deps, acting: Attempt, upgrade: Upgrade) -> timedelta:
    """Time from its intent in which the upgrade has to be over."""
    component = await component_of(deps, acting, upgrade)
    return component.ends_within if component is not None else PATIENCE_AT_LEAST


async def late(deps: Deps, acting: Attempt, upgrade: Upgrade, intent: Intent, seen: str) -> StepResult | None:
    """The hand-over of an upgrade that has not ended in its time, with what was `seen` of it; None before that."""
    within, name = await lasts(deps, acting, upgrade), f"{upgrade.component} {upgrade.version}"
    return not_ended(intent.opened_at, await deps.clock(), within, name, seen)
