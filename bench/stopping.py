"""How long after a stop's row the last drain still begins, with every other train at full load.

A stop is set while a visit is taking its hosts: some are drained, others still to come. What counts is the journal of
the cluster, not what we believe.
"""

import asyncio
import time

from bench.instant import CLUSTER
from bench.site import WHY, BenchSite, now
from fleet import ids
from fleet.models.stop import Stop, StopKind

LOOK_EVERY = 0.02
WATCHED = 2.0
"""Seconds after the row in which the journal is watched for a drain that should not be."""
BEGUN = 2
"""Drains of a visit after which it is stopped: its other hosts are on their way."""
PATIENCE = 120.0


async def stop_latencies(site: BenchSite) -> tuple[list[float], int]:
    """Seconds from each stop's row to the last drain that began after it (0 when none did), and how many hosts all
    stops together held back.
    """
    found, held = [], 0
    loading = asyncio.create_task(_load(site))
    try:
        for _ in range(site.plan.stops):
            if loading.done():
                break
            pool = await _taking(site)
            latency, back = await _stop_once(site, pool)
            found.append(latency)
            held += back
    finally:
        loading.cancel()
        await asyncio.wait({loading})
    if not loading.cancelled() and loading.exception() is not None:
        raise RuntimeError("the load under the stops broke off") from loading.exception()
    await site.until_closed()
    return found, held


async def _load(site: BenchSite) -> None:
    """Ask every train for its next cycle as soon as it has ended one."""
    while True:
        done = [p for p in site.plan.pool_names if not await site.cycle_open(p)]
        if done:
            await site.work_for(*done)
        await asyncio.sleep(0.25)


async def _taking(site: BenchSite) -> str:
    """Wait until a visit has begun to drain its hosts; its pool."""
    seq, drains = max((r.seq for r in site.journal()), default=0), dict.fromkeys(site.plan.pool_names, 0)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        for row in site.journal(seq):
            seq = row.seq
            if row.kind == "drained" and row.host is not None:
                drains[_pool(row.host)] += 1
            elif row.kind == "undrained" and row.host is not None:
                drains[_pool(row.host)] = 0
        ready = [p for p, n in drains.items() if min(BEGUN, site.plan.domain - 1) <= n < site.plan.domain]
        if ready:
            return ready[0]
        await asyncio.sleep(LOOK_EVERY)
    raise TimeoutError(f"no visit began to drain within {PATIENCE:.0f} s")


async def _stop_once(site: BenchSite, pool: str) -> tuple[float, int]:
    """Stop a pool, watch, let it go on. The clock runs from before the row is written, against us."""
    seq, at = max(r.seq for r in site.journal()), now()
    actor, reason = WHY
    await site.store.set_stop(Stop(kind=StopKind.STOP, cluster=CLUSTER, pool=pool, actor=actor, reason=reason, at=at))
    await _wake(site, pool)
    await asyncio.sleep(WATCHED)
    since = at.timestamp()
    rows = [r for r in site.journal(seq) if r.kind == "drained" and r.host and _pool(r.host) == pool]
    late = [r.at - since for r in rows if r.at >= since]
    outcomes = await site.store.outcomes(CLUSTER, limit=site.plan.visits)
    back = sum(1 for o in outcomes if o.pool == pool and o.outcome == "given_back" and o.at >= at)
    await site.store.lift_stop(CLUSTER, pool, actor, reason, now())
    await _wake(site, pool)
    return max(late, default=0.0), back


async def _wake(site: BenchSite, pool: str) -> None:
    """What `maintrain stop` does after the row."""
    for workflow in (ids.dispatcher(CLUSTER), ids.train(CLUSTER, pool)):
        await site.client.get_workflow_handle(workflow).signal("wake")


def _pool(host: str) -> str:
    return host.partition("-")[0]
