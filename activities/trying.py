"""What a finished visit tells about the upgrades that boarded: rows for every host, and a word to the rollouts."""

from collections.abc import Sequence

from temporalio import activity

from activities import pages, rollout_pages
from activities.deps import Deps
from activities.lemon_facts import lemons_of
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.rollouts import OPEN_STATES, Rollout, Trial
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.visit_trials import visit_trial


async def record_trials(deps: Deps, cluster: str, outcomes: Sequence[HostOutcome]) -> None:
    """Write the trials of a visit's hosts, then wake each rollout among them once.

    Repeating it adds nothing. A rollout that can't be woken looks by itself after a while.
    """
    rollouts = await deps.store.rollouts()
    pools = dict.fromkeys(outcome.pool for outcome in outcomes)
    models = {h.name: h.model or "" for pool in pools for h in await deps.store.hosts(cluster, pool)}
    found = [await trial_of(deps, outcome, rollouts, models.get(outcome.host, "")) for outcome in outcomes]
    trials = tuple(trial for trial in found if trial is not None)
    await deps.store.record_trials(trials)
    await _tell_lemons(deps, cluster, [trial.host for trial in trials if trial.failed])
    for rollout in dict.fromkeys(r for trial in trials for r in trial.rollouts):
        component, _, version = rollout.partition("/")
        try:
            looked_at = await deps.engine.wake(ids.rollout(component, version))
        except Unreachable as error:
            activity.logger.warning(f"rollout {rollout} was not told of a visit: {error}")
            continue
        if not looked_at:
            await _tell_unlooked(deps, rollout)


async def _tell_unlooked(deps: Deps, rollout_id: str) -> None:
    """Page of an open rollout that no workflow looks at: trains go on with it, and nothing would offboard it."""
    rollout = await deps.store.rollout(rollout_id)
    if rollout is not None and rollout.state in OPEN_STATES:
        await deps.page(rollout_pages.unlooked(rollout))


async def _tell_lemons(deps: Deps, cluster: str, failed: Sequence[str]) -> None:
    """Page of hosts that failed once too often."""
    if not failed:
        return
    for found in (await lemons_of(deps.store, cluster, await deps.clock(), failed)).values():
        await deps.page(pages.lemon(cluster, found.lemon))


async def trial_of(deps: Deps, outcome: HostOutcome, rollouts: Sequence[Rollout], model: str) -> Trial | None:
    """What one host's share in a visit tells; None when it tells nothing."""
    if outcome.outcome is not Outcome.HANDED_OVER:
        return visit_trial(None, outcome, (), rollouts, model)
    work = await deps.store.work(outcome.operation)
    steps = await deps.store.steps(outcome.operation)
    stack = {component.name for component in (await deps.cluster(outcome.cluster)).stack.components}
    return visit_trial(work, outcome, steps, rollouts, model, stack)
