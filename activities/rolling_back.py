"""An offboarded version that is rolled back at once: by an emergency train where that brings the version before it, by
cycles that trains are asked for where it does not, as long as a visit could do anything about it. Where none could,
people are told that it stays where it is; of one that goes with the trains, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio import activity

from activities import rollout_pages
from activities.deps import Deps
from activities.rollout_facts import RolloutLook
from activities.wishing import wishes_of
from fleet import ids
from fleet.errors import Refused, Unreachable
from fleet.models.facts import TrainFacts
from fleet.models.rollouts import Rollout
from fleet.policy.taking_back import emergency_of_rollout, taking_back
from fleet.policy.way_back import no_way_back

ASKED_BY = "maintrain"


@dataclass(frozen=True)
class _Ways:
    """How the hosts of one pool get rid of the version."""

    prior: tuple[str, ...] = ()
    """Hosts that are to carry the version that was before it: an emergency brings that."""
    others: bool = False
    """Some host is wanted to carry another one, which the trains bring."""
    why_not: str = ""
    """Why no visit would take any of them off it, by the first of them; empty when one would."""


async def hurry(deps: Deps, look: RolloutLook, rollout: Rollout) -> None:
    """Begin one emergency in each cluster with hosts that carry it and can be visited. Once that is over, and of hosts
    that are wanted to carry another version, the trains of their pools are asked for a cycle, which takes them first.
    """
    for cluster, pools in _carrying(look).items():
        emergency = await deps.store.emergency(emergency_of_rollout(rollout.id, cluster))
        if emergency is not None and not emergency.over:
            continue
        ways = {pool: await _ways(deps, rollout, cluster, pool, names) for pool, names in pools.items()}
        prior = [name for its in ways.values() for name in its.prior] if emergency is None else []
        if prior:
            await _begin(deps, look, rollout, cluster, prior)
        for pool, its in ways.items():
            if its.why_not:
                await _tell(deps, rollout, cluster, pool, pools[pool], its.why_not)
            elif its.others or emergency is not None:
                await _ask_train(deps, rollout, cluster, pool)


async def look_ahead(deps: Deps, look: RolloutLook, rollout: Rollout) -> None:
    """Tell people of pools whose trains' visits would take no host off a version that they are to take back."""
    for cluster, pools in _carrying(look).items():
        for pool, names in pools.items():
            its = await _ways(deps, rollout, cluster, pool, names, any_is_enough=True)
            if its.why_not:
                await _tell(deps, rollout, cluster, pool, names, its.why_not)


def _carrying(look: RolloutLook) -> dict[str, dict[str, list[str]]]:
    """The hosts to take back by cluster and pool. Not those of a pool that the fleet file has no more: no train visits
    them until they are in another one.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for host in look.to_take_back:
        cluster = look.fleet.cluster(host.cluster)
        if cluster is not None and cluster.pool(host.pool) is not None:
            found.setdefault(host.cluster, {}).setdefault(host.pool, []).append(host.name)
    return found


async def _tell(deps: Deps, rollout: Rollout, cluster: str, pool: str, names: Sequence[str], why: str) -> None:
    await deps.page(rollout_pages.no_way_back(rollout, cluster, pool, len(names), why))


async def _begin(deps: Deps, look: RolloutLook, rollout: Rollout, cluster_name: str, names: Sequence[str]) -> None:
    """Write the emergency's rows; the dispatcher's next look gives it its workflow."""
    cluster, now = await deps.cluster(cluster_name), await deps.clock()
    emergency, rows = taking_back(rollout, cluster, look.hosts[cluster_name], names, ASKED_BY, now)
    try:
        await deps.store.start_emergency(emergency, rows)
    except Refused as faster:
        activity.logger.info(f"{rollout.id} is taken back by another look's emergency: {faster}")
        return
    activity.logger.info(f"{emergency.id} takes {rollout.id} back on {len(rows)} hosts")


async def _ask_train(deps: Deps, rollout: Rollout, cluster: str, pool: str) -> None:
    """Ask the pool's train for a cycle, where it runs and none is under way or asked for."""
    train, at = ids.train(cluster, pool), await deps.clock()
    facts = await deps.store.train_facts(cluster, pool, at)
    try:
        if facts is not None and not facts.cycle_asked and await deps.engine.running(train):
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


async def _ways(
    deps: Deps,
    rollout: Rollout,
    cluster_name: str,
    pool_name: str,
    hosts: Sequence[str],
    *,
    any_is_enough: bool = False,
) -> _Ways:
    """What a visit would make of each of these hosts, or of so many that one has a way. A fleet has few different sets
    of versions.
    """
    component, prior = rollout.spec.component, rollout.spec.prior
    cluster, pool = await deps.pool(cluster_name, pool_name)
    entries, versions = await deps.store.matrix(cluster_name), await deps.store.versions(cluster_name)
    wishes = await wishes_of(deps, cluster, pool, hosts)
    told: dict[tuple[str, str], str] = {}
    first, back, others = "", list[str](), False
    for host in hosts:
        observed = versions.get(host, {})
        wish = wishes.of(host, observed)
        key = (repr(sorted(observed.items())), wish.model_dump_json())
        if key not in told:
            told[key] = no_way_back(component, cluster, pool, observed, entries, wish)
        if told[key]:
            first = first or f"{host}: {told[key]}"
        elif wish.versions.get(component) == prior:
            back.append(host)
        else:
            others = True
        if any_is_enough and (back or others):
            break  # looks go on for as long as trains take, and a pool may have thousands of hosts
    return _Ways(tuple(back), others, "" if back or others else first)
