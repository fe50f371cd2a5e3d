"""What is wrong with an emergency's spec in the light of the fleet file, which versions it means, and its images."""

from collections.abc import Iterable, Mapping

from fleet.hostlist import expand, some
from fleet.models.emergency import Emergency, EmergencySpec, EmergencyUpgrade
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.host import Host
from fleet.models.images import Image
from fleet.models.override import Override
from fleet.models.pool import Pool
from fleet.models.rollout import Phase, RolloutSpec
from fleet.models.rollouts import Rollout
from fleet.policy.limits import Limits
from fleet.policy.rollout_images import image_of, image_problem

Found = tuple[str, str]
"""The place in the file, and what was expected there."""
_NONE_BEFORE = "none"


def emergency_problems(spec: EmergencySpec, fleet: FleetFile) -> list[Found]:
    """Everything wrong with a spec whose fields are right by themselves."""
    cluster = fleet.cluster(spec.cluster)
    if cluster is None:
        names = ", ".join(c.name for c in fleet.clusters)
        return [("cluster", f"expected one of the clusters {names}, found {spec.cluster!r}")]
    pools = [p.name for p in cluster.pools]
    found = [
        (f"pools.{index}", f"expected one of the pools {', '.join(pools)}, found {name!r}")
        for index, name in enumerate(spec.pools)
        if name not in pools
    ]
    facing = "expected a host-facing component of the stack"
    places = {f"upgrades.{i}.component": u.component for i, u in enumerate(spec.upgrades)}
    found += [(place, f"{facing}, found {name!r}") for place, name in places.items() if not _slides(cluster, name)]
    for name in spec.installed:
        if cluster.stack.component(name) is None:
            found.append((f"installed.{name}", "expected a component of the stack"))
    for index, upgrade in enumerate(spec.upgrades):
        wrong = image_problem(_as_rollout(upgrade, upgrade.version or _NONE_BEFORE), (cluster,))
        found += [(f"upgrades.{index}.{wrong[0]}", wrong[1])] if wrong is not None else []
    return found + _names(spec)


def targets_of(spec: EmergencySpec, rollouts: Mapping[str, Rollout]) -> tuple[dict[str, str], list[Found]]:
    """Component → version to bring, roll backs resolved; and those that name no rollout that was started."""
    targets: dict[str, str] = {}
    found: list[Found] = []
    for index, upgrade in enumerate(spec.upgrades):
        if upgrade.version is not None:
            targets[upgrade.component] = upgrade.version
            continue
        rollout = rollouts.get(upgrade.roll_back or "")
        if rollout is None:
            names = ", ".join(r for r in rollouts if r.startswith(f"{upgrade.component}/")) or "none was started"
            found.append((f"upgrades.{index}.roll_back", f"expected a rollout ({names}), found {upgrade.roll_back!r}"))
        else:
            targets[upgrade.component] = rollout.spec.prior
    return targets, found


def override_problem(override: Override, pools: Iterable[Pool], promised: Mapping[str, Limits]) -> Found | None:
    """What is wrong with the numbers of an override: the option, and what was expected there."""
    names = {p.name for p in pools}
    for option, numbers in (("--planned-buffer", override.planned_buffer), ("--floor", override.floor)):
        stranger = next((pool for pool in numbers if pool not in names), None)
        if stranger is not None:
            return option, f"expected a pool of the emergency ({', '.join(sorted(names))}), found {stranger!r}"
    for pool, number in override.planned_buffer.items():
        limit = promised[pool]
        if not limit.planned_buffer < number <= limit.members:
            wanted = f"expected more than pool {pool}'s {limit.planned_buffer} and at most its {limit.members} members"
            return "--planned-buffer", f"{wanted}, found {number}"
    for pool, number in override.floor.items():
        limit = promised[pool]
        if not 0 <= number < limit.floor:
            return "--floor", f"expected less than pool {pool}'s {limit.floor}, and at least 0, found {number}"
    return None


def stranger_problem(spec: EmergencySpec, cluster: Cluster, members: Iterable[Host]) -> list[Found]:
    """Hosts that a spec names and that are in none of its pools: who names one means it."""
    if spec.hosts is None or spec.hosts.names is None:
        return []
    pools = spec.pools or tuple(pool.name for pool in cluster.pools)
    its = {h.name for h in members if h.pool in pools and not h.decommissioned}
    strangers = [name for name in expand(spec.hosts.names) if name not in its]
    if not strangers:
        return []
    return [("hosts.names", f"expected members of its pools ({', '.join(pools)}), and not {some(strangers)}")]


def emergency_images(emergency: Emergency) -> tuple[Image | None, ...]:
    """The images that an emergency names."""
    return tuple(image_of(_as_rollout(u, emergency.targets[u.component])) for u in emergency.spec.upgrades)


def _as_rollout(upgrade: EmergencyUpgrade, version: str) -> RolloutSpec:
    """What names an image in a rollout names it here; its prior is of no account."""
    prior = _NONE_BEFORE if version != _NONE_BEFORE else f"{_NONE_BEFORE}0"
    return RolloutSpec(
        component=upgrade.component,
        version=version,
        prior=prior,
        image=upgrade.image,
        phases=(Phase(name="everywhere"),),
    )


def _slides(cluster: Cluster, name: str) -> bool:
    component = cluster.stack.component(name)
    return component is not None and cluster.stack.host_facing(component)


def _names(spec: EmergencySpec) -> list[Found]:
    if spec.hosts is None or spec.hosts.names is None:
        return []
    try:
        return [] if expand(spec.hosts.names) else [("hosts.names", "expected at least one host")]
    except ValueError as error:
        return [("hosts.names", f"expected a hostlist such as gpu[001-064]: {error}")]
