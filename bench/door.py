"""The door for disruptive work: operations from their submission to their end, and grants beside a crowd that waits."""

import asyncio
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.granting import GrantTimes, grant_times
from bench.histories import lengths
from bench.instant import CLUSTER
from bench.site import BenchSite, now
from fleet import ids
from fleet.models.operation import OVER, OperationState
from starter.engine import start_operation
from starter.op_spec import Asked, spec_of

OVER_WITHIN = 600.0
LOOK_EVERY = 0.2
KIND = "reboot-host"
"""Drain, reboot, three verifications, gate and return."""
MOST_PAYLOAD = 512 * 1024
"""Bytes: above, Temporal's servers warn."""


@dataclass(frozen=True)
class Door:
    """Figures of one run; times in milliseconds."""

    operations: int
    seconds: float
    per_s: float
    waiting: int
    """Requests that waited while grants were timed."""
    grants: int
    grant_median_ms: float
    grant_p99_ms: float
    ledger_bytes: int
    """The ledger that the dispatcher shows meanwhile."""
    dispatcher_events: int
    """The longest run of a dispatcher after it all."""


async def door(site: BenchSite) -> dict[str, Any]:
    """Submit an operation for every host at once and wait for their end; then time grants beside the crowd."""
    hosts = [host for pool in site.plan.pool_names for host in site.plan.members(pool)]
    began = now()
    for host in hosts:
        spec = spec_of(Asked(KIND, [f"{CLUSTER}/host/{host}"], "bench", "through the door", key=f"door/{host}"))
        op, _ = await site.store.submit_operation(spec, now())
        await start_operation(site.client, op)
    await _over(site, len(hosts))
    seconds = (now() - began).total_seconds()
    crowd, ledger = await _beside_a_crowd(site)
    longest = (await lengths(site.client, ("Dispatcher",)))["Dispatcher"].longest
    found = Door(
        operations=len(hosts),
        seconds=round(seconds, 2),
        per_s=round(len(hosts) / seconds, 2),
        waiting=crowd.waiting,
        grants=len(crowd.told),
        grant_median_ms=round(1000 * median(crowd.told), 1),
        grant_p99_ms=round(1000 * sorted(crowd.told)[max(0, -(-99 * len(crowd.told) // 100) - 1)], 1),
        ledger_bytes=ledger,
        dispatcher_events=longest,
    )
    return asdict(found)


async def _over(site: BenchSite, count: int) -> None:
    """Wait until every operation is over. `RuntimeError` when one did not end well."""
    async with asyncio.timeout(OVER_WITHIN):
        while await site.store.operations(over=False, limit=1):  # noqa: ASYNC110 - the end is a row of another process
            await asyncio.sleep(LOOK_EVERY)
    ended = await site.store.operations(over=True, limit=count)
    bad = [f"{op.id} {op.state}: {op.reason}" for op in ended if op.state is not OperationState.DONE]
    if bad or len(ended) != count or not all(op.state in OVER for op in ended):
        raise RuntimeError(f"{len(ended)} of {count} operations ended, and not well: {'; '.join(bad[:3])}")


async def _beside_a_crowd(site: BenchSite) -> tuple[GrantTimes, int]:
    """Grants in one pool while a crowd waits for another, and how large the ledger is that tells of it."""
    ledger = 0

    async def look() -> None:
        nonlocal ledger
        shown = await site.client.get_workflow_handle(ids.dispatcher(CLUSTER)).query("ledger")
        ledger = max(ledger, len(str(shown).encode()))

    times = await grant_times(site, site.plan.crowd, look)
    return times, ledger


def section(found: dict[str, Any], bare_per_s: float) -> str:
    """The door's part of docs/limits.md."""
    rows = [
        ("operations/s, submitted → finished", "", found["per_s"], True),
        ("the bare Temporal program in the same run, hosts/s", "", bare_per_s, True),
        (
            f"request → grant, p99 of {found['grants']}, {found['waiting']} waiting, ms",
            250,
            found["grant_p99_ms"],
            None,
        ),
        ("the ledger that tells of them, bytes", MOST_PAYLOAD, found["ledger_bytes"], None),
        ("longest history of a dispatcher, events", 4000, found["dispatcher_events"], None),
    ]
    lines = ["## The door", "", "| what | goal | measured | |", "|---|---|---|---|"]
    for what, most, value, well in rows:
        missed = "" if well or value <= float(most) else "**missed**"
        lines.append(f"| {what} | {f'≤ {most}' if most else ''} | {value} | {missed} |")
    told = f"""
{found["operations"]} operations of kind `{KIND}` on a host each, submitted at once: a row, a workflow, a request,
drain, reboot, three verifications, gate and return. The bare program's hosts are the ones above, each with nine
activities that do nothing. The crowd waits for hosts of a pool whose buffer is held; grants are timed in another."""
    return "\n".join([*lines, told])
