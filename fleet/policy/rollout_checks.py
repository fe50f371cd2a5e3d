"""What is wrong with a rollout's spec file in the light of the fleet file, and which clusters it is for."""

from collections.abc import Iterable

from fleet.hostlist import expand
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.rollout import Cohort, RolloutHosts, RolloutSpec
from fleet.policy.rollout_images import image_problem

Found = tuple[str, str]
"""The place in the file, and what was expected there."""


def completed(spec: RolloutSpec, fleet: FleetFile) -> RolloutSpec:
    """The spec with its clusters by name: where it names none, those whose stack has the component."""
    if spec.clusters:
        return spec
    found = tuple(c.name for c in fleet.clusters if _slides(c, spec.component))
    return spec.model_copy(update={"clusters": found})


def spec_problems(spec: RolloutSpec, fleet: FleetFile) -> list[Found]:
    """Everything wrong with a spec whose fields are right by themselves."""
    names = [c.name for c in fleet.clusters]
    found: list[Found] = []
    for index, wanted in enumerate(spec.clusters):
        cluster = fleet.cluster(wanted)
        if cluster is None:
            found.append((f"clusters.{index}", f"expected one of the clusters {', '.join(names)}, found {wanted!r}"))
        elif not _slides(cluster, spec.component):
            place, facing = "component", "expected a host-facing component of the stack of"
            found.append((place, f"{facing} cluster {wanted}, found {spec.component!r}"))
    clusters = [c for c in fleet.clusters if c.name in completed(spec, fleet).clusters]
    if not spec.clusters and not clusters:
        found.append(("component", f"expected a host-facing component of some cluster, found {spec.component!r}"))
    found += _pools("pools", spec.pools, clusters)
    found += _hosts("hosts", spec.hosts)
    stacks = {component.name for c in clusters for component in c.stack.components if c.stack.host_facing(component)}
    for index, needed in enumerate(spec.depends_on):
        name = needed.partition("/")[0]
        if stacks and name not in stacks:
            wanted = "expected a rollout of a host-facing component of its clusters"
            found.append((f"depends_on.{index}", f"{wanted}, found {needed!r}"))
    wrong = image_problem(spec, tuple(clusters))
    found += [wrong] if wrong is not None else []
    for index, phase in enumerate(spec.phases):
        if phase.cohort is not None:
            found += _cohort(f"phases.{index}.cohort", phase.cohort, spec, clusters)
    return found


def _slides(cluster: Cluster, name: str) -> bool:
    component = cluster.stack.component(name)
    return component is not None and cluster.stack.host_facing(component)


def _cohort(place: str, cohort: Cohort, spec: RolloutSpec, clusters: Iterable[Cluster]) -> list[Found]:
    known = [c for c in clusters if not cohort.clusters or c.name in cohort.clusters]
    names = [c.name for c in clusters]
    found = [
        (f"{place}.clusters.{i}", f"expected one of the rollout's clusters {', '.join(names)}, found {name!r}")
        for i, name in enumerate(cohort.clusters)
        if name not in names
    ]
    found += _pools(f"{place}.pools", cohort.pools, known)
    found += [
        (f"{place}.pools.{i}", f"expected one of the rollout's pools {', '.join(spec.pools)}, found {name!r}")
        for i, name in enumerate(cohort.pools)
        if spec.pools and name not in spec.pools
    ]
    return found + _hosts(f"{place}.hosts", cohort.hosts)


def _pools(place: str, pools: Iterable[str], clusters: Iterable[Cluster]) -> list[Found]:
    known = sorted({p.name for c in clusters for p in c.pools})
    return [
        (f"{place}.{i}", f"expected one of the pools {', '.join(known) or 'of its clusters'}, found {name!r}")
        for i, name in enumerate(pools)
        if name not in known
    ]


def _hosts(place: str, hosts: RolloutHosts | None) -> list[Found]:
    if hosts is None or hosts.names is None:
        return []
    try:
        return [] if expand(hosts.names) else [(f"{place}.names", "expected at least one host")]
    except ValueError as error:
        return [(f"{place}.names", f"expected a hostlist such as gpu[001-064]: {error}")]
