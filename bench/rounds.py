"""Rounds of full visits and of the bare program, by turns, each timed from its first request to its last end."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from bench import bare, cpu
from bench.plan import ACTIVITIES, Plan
from bench.site import BenchSite

COUNTED = {"drained", "flash_ended", "reboot_started", "verified", "undrained"}
"""Changes in the cluster's journal that are operations, one each."""
KINDS = ("maintrain", "bare", "bare_eager")


@dataclass(frozen=True)
class Round:
    """One round of one kind. `operations` are counted in the cluster's journal; the bare program has none."""

    kind: str
    hosts: int
    operations: int
    used: cpu.Used

    @property
    def per_s(self) -> float:
        """Hosts a second."""
        return self.hosts / self.used.seconds

    @property
    def operations_per_s(self) -> float:
        """Operations a second."""
        return self.operations / self.used.seconds


async def alternate(site: BenchSite) -> list[Round]:
    """Every kind once a round, beginning with another one each time, so that a machine's moods meet all of them."""
    found = []
    for number in range(site.plan.rounds):
        shift = number % len(KINDS)
        for kind in (*KINDS[shift:], *KINDS[:shift]):
            found.append(await _full(site) if kind == "maintrain" else await _bare(site, kind, number))
            print(f"  round {number + 1}: {kind:10} {found[-1].per_s:6.2f} hosts/s", flush=True)
    return found


async def _full(site: BenchSite, *some: str) -> Round:
    """A cycle of every train (or of some pools'), each host visited in full."""
    pools = some or site.plan.pool_names
    since = max((r.seq for r in site.journal()), default=0)
    meter = cpu.Meter(site.pids)
    await site.work_for(*pools)
    await site.until_closed()
    used = meter.read()
    kinds = Counter(r.kind for r in site.journal(since))
    hosts = kinds["undrained"]
    if hosts != len(pools) * site.plan.hosts:
        raise RuntimeError(f"{hosts} of {len(pools) * site.plan.hosts} hosts were visited; see {site.stage.folder}")
    return Round("maintrain", hosts, sum(n for kind, n in kinds.items() if kind in COUNTED), used)


async def _bare(site: BenchSite, kind: str, number: int) -> Round:
    """As many lanes as there are trains, each with the same domains one after the other."""
    queue = bare.ACTIVITY_QUEUE if kind == "bare" else bare.QUEUE
    meter = cpu.Meter(site.pids)
    ended = await asyncio.gather(*(_lane(site, pool, f"{kind}/{number}", queue) for pool in site.plan.pool_names))
    return Round(kind, sum(ended), 0, meter.read())


async def _lane(site: BenchSite, pool: str, name: str, queue: str) -> int:
    ended = 0
    for domain in domains(site.plan, pool):
        work = bare.BareDomain(id=f"{name}/{domain[0]}", hosts=domain, activities=ACTIVITIES, queue=queue)
        ended += await site.client.execute_workflow(bare.BareDomainRun.run, work, id=work.id, task_queue=bare.QUEUE)
    return ended


def domains(plan: Plan, pool: str) -> list[tuple[str, ...]]:
    """A pool's hosts in the domains that its train forms of them."""
    members = plan.members(pool)
    return [members[i : i + plan.domain] for i in range(0, len(members), plan.domain)]


async def warm_up(site: BenchSite) -> None:
    """One pool's worth of each that isn't counted."""
    first = site.plan.pool_names[0]
    await _lane(site, first, "bare/warm", bare.ACTIVITY_QUEUE)
    await _lane(site, first, "eager/warm", bare.QUEUE)
    await _full(site, first)
