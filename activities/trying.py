"""What a finished visit tells about the upgrades that boarded: rows for every host, and a word to the rollouts."""

from collections.abc import Sequence

from temporalio import activity

from activities.deps import Deps
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.rollouts import Rollout, Trial
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.visit_trials import visit_trial


async def record_trials(deps: Deps, cluster: str, outcomes: Sequence[HostOutcome]) -> None:
    """Write the trials of a visit's hosts, then wake each rollout among them once.

    Repeating it adds nothing. A rollout that can't be woken looks by itself after a while.
    """
    rollouts = await deps.store.rollouts()
    models = {h.name: h.model or "" for h in await deps.store.hosts(cluster)} if outcomes else {}
    found = [await _trial(deps, outcome, rollouts, models.get(outcome.host, "")) for outcome in outcomes]
    trials = tuple(trial for trial in found if trial is not None)
    await deps.store.record_trials(trials)
    for rollout in dict.fromkeys(r for trial in trials for r in trial.rollouts):
        component, _, version = rollout.partition("/")
        try:
            await deps.engine.wake(ids.rollout(component, version))
        except Unreachable as error:
            activity.logger.warning(f"rollout {rollout} was not told of a visit: {error}")


async def _trial(deps: Deps, outcome: HostOutcome, rollouts: Sequence[Rollout], model: str) -> Trial | None:
    if outcome.outcome is not Outcome.HANDED_OVER:
        return visit_trial(None, outcome, (), rollouts, model)
    work = await deps.store.work(outcome.operation)
    steps = await deps.store.steps(outcome.operation)
    return visit_trial(work, outcome, steps, rollouts, model)
