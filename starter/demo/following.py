"""Follow a train's cycle to its end by reading the store, as `maintrain watch` does."""

import asyncio
from datetime import UTC, datetime

from fleet.errors import Refused
from fleet.models.facts import TrainFacts
from fleet.models.train import DomainState
from fleet.policy.next_stop import next_stop
from fleet.ports.store import Store
from starter.demo.progress import Teller
from starter.demo.stage import Stage
from store import open_store

CYCLE_WITHIN = 700.0
"""Seconds after which a demo that has not come to its end is a failure."""
LOOK_EVERY = 0.5
_DONE = (DomainState.VISITED, DomainState.SKIPPED)


def follow_cycle(stage: Stage, cluster: str, pool: str) -> None:
    """Show the first cycle's progress until it is closed. Raises `Refused` when it takes too long."""
    asyncio.run(_follow(stage, cluster, pool))


async def train_facts(store: Store, cluster: str, pool: str) -> TrainFacts:
    """What a train knows. Raises `Refused` for a pool that isn't there."""
    facts = await store.train_facts(cluster, pool, datetime.now(UTC))
    if facts is None:
        raise Refused(f"{cluster}/{pool} is no pool of the fleet file in force")
    return facts


def tell_train(teller: Teller, facts: TrainFacts) -> None:
    """Show how far a train's cycle is, and what it does or waits for."""
    if facts.cycle is not None:
        domains = facts.cycle.domains
        done = sum(d.state in _DONE for d in domains)
        what = facts.pool.name if facts.cycle.number == 1 else f"{facts.pool.name}, cycle {facts.cycle.number}"
        teller.show(what, done, len(domains), "domains", next_stop(facts).reason)


async def _follow(stage: Stage, cluster: str, pool: str) -> None:
    store, teller = await open_store(stage.store_url), Teller()
    try:
        async with asyncio.timeout(CYCLE_WITHIN):
            while True:
                facts = await train_facts(store, cluster, pool)
                tell_train(teller, facts)
                if facts.cycle is not None and facts.cycle.closed_at is not None:
                    return
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as error:
        raise Refused(f"the cycle of {cluster}/{pool} did not end within {CYCLE_WITHIN:.0f} s") from error
    finally:
        teller.close()
        await store.close()
