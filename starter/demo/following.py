"""Follow a cycle to its end by reading the store, as `maintrain watch` does."""

import asyncio
from datetime import UTC, datetime

from fleet.errors import Refused
from fleet.models.train import DomainState
from fleet.policy.next_stop import next_stop
from fleet.ports.store import Store
from starter.demo.progress import Teller
from starter.demo.stage import Stage
from store import open_store

CYCLE_WITHIN = 900.0
"""Seconds after which a demo that has not come to its end is a failure."""
LOOK_EVERY = 0.5


def follow_cycle(stage: Stage, cluster: str, pool: str, number: int = 1) -> None:
    """Show a cycle's progress until it is closed. Raises `Refused` when it takes too long."""
    asyncio.run(_follow(stage, cluster, pool, number))


async def _follow(stage: Stage, cluster: str, pool: str, number: int) -> None:
    store = await open_store(stage.store_url)
    try:
        async with asyncio.timeout(CYCLE_WITHIN):
            await _show(store, cluster, pool, number)
    except TimeoutError as error:
        raise Refused(f"the cycle of {cluster}/{pool} did not end within {CYCLE_WITHIN:.0f} s") from error
    finally:
        await store.close()


async def _show(store: Store, cluster: str, pool: str, number: int) -> None:
    teller: Teller | None = None
    while True:
        cycle = await store.cycle(cluster, pool, number)
        if cycle is not None:
            teller = teller or Teller(len(cycle.domains))
            done = sum(d.state in (DomainState.VISITED, DomainState.SKIPPED) for d in cycle.domains)
            facts = await store.train_facts(cluster, pool, datetime.now(UTC))
            teller.show(done, next_stop(facts).reason if facts else "")
            if cycle.closed_at is not None:
                teller.close()
                return
        await asyncio.sleep(LOOK_EVERY)
