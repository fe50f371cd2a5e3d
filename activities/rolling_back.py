"""An offboarded version that is rolled back at once: trains are asked for cycles, as long as a visit could do anything
about it; else people are told that it stays where it is.
"""

from collections.abc import Sequence

from temporalio import activity

from activities import rollout_pages
from activities.deps import Deps
from activities.rollout_facts import RolloutLook
from activities.wishing import wishes_of
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.facts import TrainFacts
from fleet.models.rollouts import Rollout
from fleet.policy.way_back import no_way_back

ASKED_BY = "maintrain"


async def hurry(deps: Deps, look: RolloutLook, rollout: Rollout) -> None:
    """Ask the trains of pools with hosts that carry it and can be visited for a cycle, which takes those first."""
    carrying: dict[tuple[str, str], list[str]] = {}
    for host in look.to_take_back:
        carrying.setdefault((host.cluster, host.pool), []).append(host.name)
    for (cluster, pool), hosts in carrying.items():
        train, at = ids.train(cluster, pool), await deps.clock()
        facts = await deps.store.train_facts(cluster, pool, at)
        try:
            if facts is None or facts.cycle_asked or not await deps.engine.running(train):
                continue
            why_not = await _no_way_back(deps, rollout, cluster, pool, hosts)
            if why_not:
                await deps.page(rollout_pages.no_way_back(rollout, cluster, pool, len(hosts), why_not))
                continue
            await _ask(deps, rollout, facts)
        except Unreachable as error:
            activity.logger.warning(f"{train} was not told that {rollout.id} is rolled back: {error}")


async def _ask(deps: Deps, rollout: Rollout, facts: TrainFacts) -> None:
    """Ask for a cycle, once after each: a person who then stops the train is not overruled."""
    cluster, pool, store = facts.cluster, facts.pool.name, deps.store
    # An open one that nobody asks for any more ends with the visit that is under way: it counts as another.
    last = "0" if facts.cycle is None else f"{facts.cycle.number}{'' if facts.cycle.closed_at else '/open'}"
    once = f"rollout/{rollout.id}/hurry/{cluster}/{pool}/{last}"
    if await store.claimed(once):
        return
    why = f"{rollout.id} was offboarded and is rolled back at once"
    await store.ask_cycles(cluster, pool, 1, ASKED_BY, why, facts.now)
    await store.first_time(once, facts.now)
    await deps.engine.wake(ids.train(cluster, pool))


async def _no_way_back(deps: Deps, rollout: Rollout, cluster_name: str, pool_name: str, hosts: Sequence[str]) -> str:
    """Why a visit would take none of these hosts off it, by the first of them; empty when it would any."""
    cluster, pool = await deps.pool(cluster_name, pool_name)
    entries, versions = await deps.store.matrix(cluster_name), await deps.store.versions(cluster_name)
    wishes = await wishes_of(deps, cluster, pool, hosts)
    told: dict[tuple[str, str], str] = {}  # a fleet has few different sets of versions
    for host in hosts:
        observed = versions.get(host, {})
        wish = wishes.of(host, observed)
        key = (repr(sorted(observed.items())), wish.model_dump_json())
        if key in told:
            continue
        why = no_way_back(rollout.spec.component, cluster, pool, observed, entries, wish)
        if not why:
            return ""
        told[key] = f"{host}: {why}"
    return next(iter(told.values()))
