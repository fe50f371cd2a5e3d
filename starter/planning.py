"""The dry run of a train: its next stops with hosts, upgrades, reboots, time and the jobs that would be interrupted,
decided by the very policies that the train follows.
"""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from drivers.registry import OpenDrivers
from fleet.errors import DriverError
from fleet.hostlist import compact
from fleet.models.base import Fact
from fleet.models.facts import TrainFacts
from fleet.models.fleetfile import Cluster
from fleet.models.joint import Place
from fleet.models.pool import Pool
from fleet.models.scheduler import ClusterView
from fleet.models.train import Cycle, Domain, DomainState, NextStop
from fleet.models.units import format_duration
from fleet.policy.cycle_plan import PlannedJob, PlannedStop, plan_stops
from fleet.policy.domains import form_domains
from fleet.policy.next_stop import next_stop
from fleet.policy.timetable import preferred, timetable
from fleet.ports.store import Store
from starter.inventory import read_versions
from starter.joint_plan import PlannedMeeting, planned_meetings
from starter.session import hands
from starter.show import table


class TrainPlan(Fact):
    """What a train would do from now on."""

    cluster: str
    pool: str
    next: NextStop
    stops: tuple[PlannedStop, ...]
    more_stops: int
    expected_seconds: float
    jobs_unknown: str = ""
    """Why the jobs could not be read."""
    meetings: tuple[PlannedMeeting, ...] = ()
    """Stops that other pools' trains would make together with this one."""


async def make_plan(store: Store, cluster: Cluster, pool: Pool, most: int) -> TrainPlan:
    """Plan from the facts and one look at the scheduler; writes nothing."""
    at = await store.clock()
    train = await store.train_facts(cluster.name, pool.name, at)
    assert train is not None, "the pool is in the fleet file in force"
    ledger, entries = await store.facts(cluster.name, at), await store.matrix(cluster.name)
    versions = await store.versions(cluster.name)
    view, trouble = await look_at(store, cluster)
    ahead = _in_order(_ahead(train.cycle) or form_domains(train.hosts, pool.domain, pool.replicas), train, view)
    wanted = [h for domain in ahead[:most] for h in domain.hosts if h not in versions]
    async with hands(cluster, store) as reach:
        read, _ = await read_versions(reach.hardware, wanted)
    versions = {**versions, **read}
    rollouts = await store.rollout_facts(cluster.name, (h for domain in ahead[:most] for h in domain.hosts))
    stops = plan_stops(cluster, pool, ahead[:most], ledger, entries, versions, view, rollouts)
    return TrainPlan(
        cluster=cluster.name,
        pool=pool.name,
        next=next_stop(train if view is None else preferred(train, view)),
        stops=stops,
        more_stops=len(ahead) - len(stops),
        expected_seconds=sum(s.expected_seconds for s in stops),
        jobs_unknown=trouble,
        meetings=await planned_meetings(
            store, cluster, [Place(pool=pool.name, domain=s.domain) for s in stops if s.hosts], at
        ),
    )


def plan_lines(plan: TrainPlan) -> list[str]:
    """The plan for people."""
    lines = [f"{plan.cluster}/{plan.pool}, next: {plan.next.action}: {plan.next.reason}"]
    if plan.next.at_risk:
        lines.append(f"at risk: {plan.next.at_risk}")
    rows = []
    for stop in plan.stops:
        upgrades = ", ".join(f"{what} on {count}" for what, count in stop.upgrades.items()) or "none"
        jobs = "?" if stop.jobs is None else _jobs_in_words(stop.jobs)
        hosts = compact(stop.hosts) if stop.hosts else "-"
        rows.append((stop.domain, hosts, len(stop.hosts), upgrades, stop.reboots, _length(stop.expected_seconds), jobs))
    lines += ["", table(("domain", "hosts", "count", "upgrades", "reboots", "expected", "jobs interrupted"), rows)]
    if plan.more_stops:
        lines.append(f"and {plan.more_stops} more stops")
    lines.append(f"\n{len(plan.stops)} stops, expected {_length(plan.expected_seconds)} in all")
    notes = [
        *_notes("left out", (s.left_out for s in plan.stops)),
        *_notes("no upgrade", (s.stays for s in plan.stops)),
    ]
    if notes:
        lines += ["", table(("hosts", "are", "because"), notes)]
    lines += [f"joint visit, by {m.rollout}: {m.places[0]} is {m.reason}" for m in plan.meetings]
    if plan.jobs_unknown:
        lines.append(f"the jobs are not known: {plan.jobs_unknown}")
    return lines


def _ahead(cycle: Cycle | None) -> tuple[Domain, ...]:
    """Domains that the open cycle has before it; none between cycles."""
    if cycle is None or cycle.closed_at is not None:
        return ()
    done = (DomainState.VISITED, DomainState.SKIPPED, DomainState.VISITING)
    return tuple(d.domain for d in cycle.domains if d.state not in done)


def _in_order(ahead: tuple[Domain, ...], train: TrainFacts, view: ClusterView | None) -> tuple[Domain, ...]:
    """Domains as the train would take them now, by its timetable."""
    place = {name: i for i, name in enumerate(timetable(train, view).order)}
    return tuple(sorted(ahead, key=lambda d: place.get(d.name, -1)))


async def look_at(store: Store, cluster: Cluster) -> tuple[ClusterView | None, str]:
    """The scheduler now, or why it can't be read."""
    async with hands(cluster, store) as reach:
        return await _view(reach)


async def _view(reach: OpenDrivers) -> tuple[ClusterView | None, str]:
    try:
        return await reach.scheduler.view(not_before=time.monotonic()), ""
    except DriverError as error:
        return None, str(error)


def _notes(what: str, told: Iterable[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Hosts of one reason together, as a hostlist."""
    hosts: dict[str, list[str]] = {}
    for group in told:
        for host, why in group.items():
            hosts.setdefault(why, []).append(host)
    return [(compact(names), what, why) for why, names in hosts.items()]


def _jobs_in_words(jobs: tuple[PlannedJob, ...]) -> str:
    fates = Counter(job.at_deadline for job in jobs)
    return ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())) or "none"


def _length(seconds: float) -> str:
    return format_duration(timedelta(seconds=round(seconds)))
