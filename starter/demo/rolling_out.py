"""Follow rollouts to their ends, and ask for a cycle of each pool where something is due and no train runs, as an
operator would who looks at `maintrain rollout status` and `maintrain train plan`.
"""

import asyncio
from collections.abc import Sequence

from fleet.errors import Refused
from fleet.models.host import Host, HostSet
from fleet.models.phases import GateAction
from fleet.models.rollouts import Rollout, RolloutState
from fleet.policy.cohorts import in_scope, phase_of
from fleet.policy.sets import standings
from fleet.ports.store import Store
from starter.demo.following import CYCLE_WITHIN, tell_train, train_facts
from starter.demo.progress import Teller
from starter.demo.stage import Stage
from starter.rollout_look import Seen, see
from store import open_store

LOOK_EVERY = 1.0


def follow_rollouts(stage: Stage, cluster: str, pools: Sequence[str]) -> tuple[Rollout, ...]:
    """Show trains and rollouts until every rollout is over and every train stands still; how the rollouts ended.

    Raises `Refused` when that takes too long.
    """
    return asyncio.run(_follow(stage, cluster, pools))


async def _follow(stage: Stage, cluster: str, pools: Sequence[str]) -> tuple[Rollout, ...]:
    store, teller = await open_store(stage.store_url), Teller()
    seen: list[Seen] = []
    try:
        async with asyncio.timeout(CYCLE_WITHIN):
            while True:
                seen = [await see(store, rollout) for rollout in await store.rollouts()]
                for one in seen:
                    _tell_rollout(teller, one)
                idle = [await _is_idle(store, teller, stage, (cluster, pool), seen) for pool in pools]
                if all(idle) and all(map(_is_over, seen)):
                    return tuple(one.rollout for one in seen)
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as error:
        waits = "; ".join(f"{one.rollout.id} {one.rollout.state}: {one.gate.reason}" for one in seen)
        raise Refused(f"the rollouts did not end within {CYCLE_WITHIN:.0f} s: {waits}") from error
    finally:
        teller.close()
        await store.close()


def _tell_rollout(teller: Teller, seen: Seen) -> None:
    """Its phase, how many hosts carry it, and why it waits or has ended."""
    rollout, counts = seen.rollout, seen.facts.counts
    carrying, hosts = sum(c.carrying for c in counts), sum(c.hosts for c in counts)
    # Of an offboarded one the numbers that convicted it, said once; how many hosts still carry it the count tells.
    why = rollout.reason if rollout.state is RolloutState.OFFBOARDED else seen.gate.reason
    state = "" if rollout.state is RolloutState.RUNNING else f"{rollout.state}: "
    teller.show(f"{rollout.spec.component} {rollout.spec.version}", carrying, hosts, "hosts", state + why)


async def _is_idle(store: Store, teller: Teller, stage: Stage, where: tuple[str, str], seen: Sequence[Seen]) -> bool:
    """True when the pool's train stands still and nothing is due in the pool; else it is asked for a cycle."""
    facts = await train_facts(store, *where)
    tell_train(teller, facts)
    runs = facts.cycle is not None and facts.cycle.closed_at is None
    if runs or facts.cycle_asked:
        return False
    if not any(host.pool == where[1] for one in seen for host in _due(one)):
        return True
    path = "/".join(where)
    teller.say(f"$ maintrain train start {path} --cycles 1")
    await asyncio.to_thread(stage.run, "train", "start", path, "--cycles", "1", "--reason", "demo")
    return False


def _is_over(seen: Seen) -> bool:
    """True when a rollout has ended, or waits for nothing but people: they have the hosts that still carry a bad
    version in repair, where it depends on the order of visits whether one does.
    """
    if seen.rollout.state is RolloutState.OFFBOARDED:
        return not seen.look.to_take_back
    return seen.gate.action is GateAction.END


def _due(seen: Seen) -> list[Host]:
    """Hosts in production that a visit would bring something of this rollout, or rid of it."""
    rollout, look = seen.rollout, seen.look
    if rollout.state is not RolloutState.RUNNING:
        return look.to_take_back
    up = {(s.cluster, h) for s in look.ledgers for h, at in standings(s).items() if at.set is HostSet.UP}
    version = rollout.spec.version
    return [
        h
        for h in look.members
        if (key := (h.cluster, h.name)) in up
        and in_scope(rollout.spec, h)
        and phase_of(rollout.spec, look.frozen.get(key)) <= rollout.phase
        and look.carried.get(key) != version
    ]
