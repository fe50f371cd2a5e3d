"""What came of the scenario: the outside observer's word from the journal, and how long requests waited."""

import os
import sqlite3
from datetime import UTC, datetime
from typing import Any

from bench import cpu
from bench.scenario.fleet import CLUSTER
from bench.scenario.plan import ScenarioPlan
from bench.scenario.site import ScenarioSite
from drivers.simulated.journal import JournalReplay
from starter.demo.lifted import lifted_limits
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.fleetfile import read_fleet

WAITS = "SELECT id, asked_at, coalesce(granted_at, ended_at) FROM requests"


async def seen(site: ScenarioSite, plan: ScenarioPlan) -> dict[str, Any]:
    """The report's figures."""
    fleet, _ = read_fleet(site.file)
    lifted = lifted_limits(await site.store.overrides(CLUSTER))
    limits = pool_limits(fleet.clusters[0], {pool.name: pool.members for pool in site.pools})
    observer = Observer(limits, None, (), lifted)
    for snapshot in JournalReplay(site.world).more():
        observer.see(snapshot)
    waits = _waits(site)
    operations = await site.store.operations(limit=1000)
    outcomes: dict[str, int] = {}
    for operation in operations:
        outcomes[operation.state.value] = outcomes.get(operation.state.value, 0) + 1
    emergencies = {e.id: e.state.value for e in await site.store.emergencies()}
    return {
        **observer.report(),
        "requests": len(waits),
        "longest_wait_s": round(max((wait for wait, _ in waits), default=0.0), 1),
        "longest_waits": [{"request": name, "s": round(wait, 1)} for wait, name in sorted(waits, reverse=True)[:5]],
        "bound_s": plan.bound,
        "seed": plan.seed,
        "failures": plan.failures,
        "outsiders": plan.outsiders,
        "kill_every_s": plan.kill_every,
        "named_pool": site.pools[0].name,
        "named_buffer": site.pools[0].beyond,
        "operations": outcomes,
        "emergencies": emergencies,
        "machine": cpu.machine(),
        "load_average_after": round(os.getloadavg()[0], 2),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _waits(site: ScenarioSite) -> list[tuple[float, str]]:
    """Seconds from asking to the grant, or to the withdrawal, of every request."""
    with sqlite3.connect(f"file:{site.stage.folder / 'facts.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute(WAITS).fetchall()
    now = datetime.now(UTC)
    return [
        (((_moment(until) if until else now) - _moment(asked)).total_seconds(), name) for name, asked, until in rows
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
