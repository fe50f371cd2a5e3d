"""Notes what failed in production, and asks blame what a rollout's trials say."""

import asyncio

from activities.deps import Deps
from activities.rollout_facts import RolloutLook
from fleet.models.rollouts import OPEN_STATES, Trial
from fleet.models.verification import Category
from fleet.policy.cohorts import in_scope
from fleet.policy.rollout_blame import UNKNOWN_MODEL, Blamed, Memory, blamed, by_hardware
from fleet.policy.sets import standings
from fleet.policy.visit_trials import noticed_failures, production_failures, soaking


async def note_production(deps: Deps, look: RolloutLook) -> tuple[Trial, ...]:
    """All trials, with those of hosts that failed in production within the longest soak; written when first seen."""
    soak = max(phase.soak for phase in look.rollout.spec.phases)
    found: list[Trial] = []
    for ledger in look.ledgers:
        mine = [t for t in look.trials if t.cluster == ledger.cluster]
        # Beside a job that failed, the host itself may fail, for as long as its last visit soaks.
        last = {t.host: t for t in mine if t.category != Category.JOB}
        recent = [t for t in last.values() if ledger.now - t.at <= soak]
        if recent:
            noticed = await deps.store.noticed_repairs(ledger.cluster, ledger.now - soak)
            failed = [
                *production_failures(recent, standings(ledger), ledger.leases, ledger.now),
                *noticed_failures(recent, noticed, ledger.now),
            ]
            found += [soaking(one, [t for t in mine if t.host == one.host], soak) for one in failed]
    await deps.store.record_trials(tuple(found))
    return (*look.trials, *found)


class Blaming:
    """Asks blame, and remembers what was told: a worker that begins anew tells everything once more."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._memories: dict[str, Memory] = {}

    async def ask(self, look: RolloutLook, trials: tuple[Trial, ...]) -> Blamed:
        """Judged in a thread: with many hosts it takes a while, and the worker's other steps go on."""
        rollout = look.rollout
        if rollout.state not in OPEN_STATES:
            self._memories.pop(rollout.id, None)
            return Blamed(forgiven=by_hardware(rollout, trials), reason=rollout.reason)
        rollouts = await self._deps.store.rollouts()
        models = [h.model or UNKNOWN_MODEL for h in look.members if in_scope(rollout.spec, h)]
        memory = self._memories.get(rollout.id)
        found, self._memories[rollout.id] = await asyncio.to_thread(
            blamed, rollout, rollouts, trials, models, look.now, memory
        )
        return found
