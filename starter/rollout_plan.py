"""The dry run of a rollout: which hosts each phase would take, what the matrix needs tested before, and how long that
takes in cycles of the trains.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleet.hostlist import compact
from fleet.models.base import Fact
from fleet.models.coverage import Planned
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.images import Image
from fleet.models.rollout import Phase, RolloutSpec
from fleet.models.rollouts import HostKey, Offboarded
from fleet.models.stack import Upgrade
from fleet.models.units import format_duration
from fleet.policy.cohorts import chosen, cohort_domains, in_scope, next_cohort
from fleet.policy.coverage import coverage
from fleet.policy.rollout_images import flashed_by, without_image
from fleet.ports.store import Store
from starter.joint_plan import PlannedMeeting, meetings_of
from starter.production import in_production
from starter.show import table

NO_HOSTS = "no host is in its scope: are the hosts synced, and their models known?"


class PlannedPhase(Fact):
    """One phase to come."""

    phase: str
    hosts: dict[str, tuple[str, ...]]
    """By cluster."""
    carrying: int
    """Of them, those that were last seen to carry the version already."""
    needs: str
    cycles: int
    """At most so many cycles of the slowest train until its gate opens."""


class RolloutPlan(Fact):
    """What a rollout would do."""

    rollout: str
    phases: tuple[PlannedPhase, ...]
    to_test: dict[str, tuple[Planned, ...]]
    """What the matrix says of it, by cluster: of the version, then of each stage."""
    cycles: int
    at_most: str
    """The cycles as a length of time, by the longest cycle bound among its pools."""
    meetings: tuple[PlannedMeeting, ...] = ()
    """Domains that trains of several pools would visit together, by the jobs last seen."""
    refused: tuple[str, ...] = ()
    """Why it can't be started so."""
    problems: tuple[str, ...] = ()


async def plan_rollout(store: Store, fleet: FleetFile, spec: RolloutSpec) -> RolloutPlan:
    """Plan from the facts; writes nothing. Cohorts that were frozen before stay as they are."""
    hosts = {name: await store.hosts(name) for name in spec.clusters}
    members = [h for its in hosts.values() for h in its if not h.decommissioned and in_scope(spec, h)]
    known = await store.rollout(spec.id)
    frozen = dict(await store.cohort(spec.id)) if known is not None else {}
    domains = cohort_domains(fleet, hosts)
    for index in range((known.phase if known is not None else -1) + 1, len(spec.phases)):
        frozen.update(dict.fromkeys(next_cohort(spec, index, domains, frozen), index))
    carried = await _carried(store, spec)
    bounds = [p.cycle_bound for c in fleet.clusters for p in c.pools if _has(members, c.name, p.name)]
    bound = max(bounds, default=None)
    phases = []
    for index, phase in enumerate(spec.phases):
        its = [h for h in members if frozen.get((h.cluster, h.name), len(spec.phases) - 1) == index]
        soaks = math.ceil(phase.soak / bound) if bound else 0
        phases.append(_phase(phase, its, carried, spec, len(spec.versions) + soaks))
    to_test = {name: await _to_test(store, fleet, name, spec) for name in spec.clusters}
    cycles, at = sum(p.cycles for p in phases), await store.clock()
    there = [c for c in fleet.clusters if c.name in spec.clusters]
    return RolloutPlan(
        rollout=spec.id,
        phases=tuple(phases),
        to_test=to_test,
        cycles=cycles,
        at_most=format_duration(cycles * bound) if bound else "not known",
        meetings=tuple([m for c in there for m in await meetings_of(store, c, spec, at)]),
        refused=tuple(_refused(spec, members, await store.offboarded(spec.component))),
        problems=(*_problems(spec, members, carried), *_images(spec, fleet, await store.rollout_images())),
    )


def plan_lines(plan: RolloutPlan) -> list[str]:
    """The plan for people."""
    rows = [
        (
            phase.phase,
            sum(map(len, phase.hosts.values())),
            "; ".join(f"{cluster}: {compact(names)}" for cluster, names in phase.hosts.items()) or "-",
            phase.carrying,
            phase.needs,
            phase.cycles,
        )
        for phase in plan.phases
    ]
    lines = [f"rollout {plan.rollout}", ""]
    lines.append(table(("phase", "count", "hosts", "carry it", "gate", "cycles at most"), rows))
    lines.append(f"\n{plan.cycles} cycles at most, {plan.at_most} by the longest cycle bound; hosts that join later")
    lines[-1] += f" are in {plan.phases[-1].phase}"
    for cluster, found in plan.to_test.items():
        for planned in found:
            lines += _testing(cluster, planned)
    lines += [f"joint visit: {m.cluster}/{m.places[0]} is {m.reason}" for m in plan.meetings]
    lines += [f"can't be started: {why}" for why in plan.refused]
    return [*lines, *(f"problem: {p}" for p in plan.problems)]


def _refused(spec: RolloutSpec, members: list[Host], ended: Iterable[Offboarded]) -> Iterator[str]:
    """What would stand in its way for good, since a rollout that was started keeps its spec."""
    if not members:
        yield NO_HOSTS
        return
    gone = {version: end for end in ended for version in end.versions if end.rollout != spec.id}
    for version in (spec.prior, *spec.versions):
        if version in gone:
            yield f"{version} was offboarded by {gone[version].rollout}: {gone[version].reason}"
    for phase in spec.phases:
        if phase.cohort is not None and not any(chosen(phase.cohort, h) for h in members):
            yield f"phase {phase.name}: no host fits its cohort"


def _images(spec: RolloutSpec, fleet: FleetFile, brought: Sequence[Image]) -> Iterator[str]:
    for cluster in (c for c in fleet.clusters if c.name in spec.clusters):
        missing = without_image(spec, cluster, brought)
        if missing:
            yield f"the BMCs of {cluster.name} have no image of {spec.component} {', '.join(missing)}"
        if spec.image is not None and flashed_by(cluster, spec.component) is None:
            yield f"its image is not used in {cluster.name}, whose drivers bring {spec.component} another way"


def _problems(spec: RolloutSpec, members: list[Host], carried: Mapping[HostKey, str]) -> Iterator[str]:
    """What a person should look at before."""
    unread = [h.name for h in members if (h.cluster, h.name) not in carried]
    if unread:
        yield f"the versions of {len(unread)} hosts were never read: {compact(unread)}"
    known = ("", spec.prior, *spec.versions)
    others = [h.name for h in members if carried.get((h.cluster, h.name), "") not in known]
    if others:
        yield f"{len(others)} hosts carry neither {spec.prior} nor what it brings: {compact(others)}"


def _phase(
    phase: Phase, hosts: list[Host], carried: dict[HostKey, str], spec: RolloutSpec, cycles: int
) -> PlannedPhase:
    by_cluster: dict[str, list[str]] = {}
    for host in hosts:
        by_cluster.setdefault(host.cluster, []).append(host.name)
    gate = f"{phase.min_successes} successes, at most {phase.max_failure_rate:.0%} failed"
    gate += f", soak {format_duration(phase.soak)}" if phase.soak else ""
    return PlannedPhase(
        phase=phase.name,
        hosts={cluster: tuple(names) for cluster, names in by_cluster.items()},
        carrying=sum(1 for h in hosts if carried.get((h.cluster, h.name)) == spec.version),
        needs=f"{'opens when approved; ' if phase.approval else ''}{gate}",
        cycles=cycles if hosts else 0,
    )


def _has(members: list[Host], cluster: str, pool: str) -> bool:
    return any((h.cluster, h.pool) == (cluster, pool) for h in members)


async def _carried(store: Store, spec: RolloutSpec) -> dict[HostKey, str]:
    found: dict[HostKey, str] = {}
    for name in spec.clusters:
        for host, versions in (await store.versions(name)).items():
            found[name, host] = versions.get(spec.component, "")
    return found


async def _to_test(store: Store, fleet: FleetFile, name: str, spec: RolloutSpec) -> tuple[Planned, ...]:
    cluster = fleet.cluster(name)
    assert cluster is not None, "the spec's clusters were checked"
    production = await in_production(store, fleet, cluster)
    members = {h.name for h in await store.hosts(name) if in_scope(spec, h)}
    # What was never read can't be judged; how many those are is told apart.
    its = {host: versions for host, versions in production.items() if host in members and versions}
    entries = await store.matrix(name)
    found: list[Planned] = []
    for version in reversed(spec.versions):
        planned = Upgrade(component=spec.component, version=version)
        found += coverage(cluster, its, entries, planned=planned).planned[:1]
    return tuple(found)


def _testing(cluster: str, planned: Planned) -> list[str]:
    what = f"{planned.component} {planned.version}"
    needs = Counter(
        f"{' + '.join(f'{n} {v}' for n, v in need.components.items())} with {need.pin} {need.pinned}"
        for need in planned.needs
        for _ in need.hosts
    )
    lines = [f"{cluster}: the matrix allows {what} on {len(planned.allowed)} hosts in production as it stands"]
    lines += [f"  broken on {compact(g.hosts)} ({len(g.hosts)}): {g.reason}" for g in planned.broken]
    return lines + [f"  to test first: {words}, for {count} hosts" for words, count in needs.items()]
