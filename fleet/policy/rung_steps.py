"""What a rung of the repair ladder does on a host, and which rungs a cluster's drivers have no way to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import VERSION_PATTERN
from fleet.models.fleetfile import Cluster
from fleet.models.hosts import HostsHardware
from fleet.models.ladder import Rung
from fleet.models.pool import Pool
from fleet.models.recipe import ProbeRecipe
from fleet.models.redfish import FirmwareActivation
from fleet.models.stack import Component, Upgrade
from fleet.models.work import Step, StepKind

GPU_RESET_TAKES = timedelta(minutes=1)
"""Expected, for what the Temporal UI shows."""

_VERSION = re.compile(rf"(?!mixed:){VERSION_PATTERN}")
"""Parts of a component that differ have no version that could be written again."""
Found = tuple[str, str]
"""The place in the cluster, and what was expected there."""


def rung_steps(
    cluster: Cluster, pool: Pool, rung: Rung, versions: Mapping[str, str], wanted: Mapping[str, str] | None = None
) -> tuple[Step, ...]:
    """The steps before the host is verified again. `versions` are those last observed, `wanted` those that the host is
    to carry (`fleet.policy.wanted`); by default what the fleet file desires.

    Empty for a retry, and for a reflash of which no version is known.
    """
    match rung:
        case Rung.RETRY:
            return ()
        case Rung.REFLASH:
            return _reflash(cluster, versions, cluster.desired_in(pool) if wanted is None else wanted)
        case Rung.GPU_RESET:
            return (_step(StepKind.GPU_RESET, GPU_RESET_TAKES),)
        case Rung.REBOOT | Rung.POWER_CYCLE:
            return (_step(StepKind(rung.value), cluster.stack.reboot_duration),)
        case Rung.REIMAGE:
            hook = cluster.repair.reimage
            return (_step(StepKind.REIMAGE, hook.limit if hook else cluster.stack.reboot_duration),)


def impossible(cluster: Cluster) -> Iterator[Found]:
    """Rungs that the ladder names and the cluster's drivers can't climb."""
    hardware = cluster.drivers.hardware
    for rung, wanted in _missing(cluster):
        for category, rungs in cluster.repair.ladder:
            if rung in rungs:
                yield f"repair.ladder.{category}", f"expected no {rung}, or {wanted}"
    reflash = cluster.repair.reflash
    for name in reflash.components if reflash else ():
        component = cluster.stack.component(name)
        if component is None or not cluster.stack.host_facing(component):
            yield f"repair.reflash.components: {name}", "expected a host-facing component of the stack"
        elif isinstance(hardware, HostsHardware) and not _writes(hardware, name):
            yield f"repair.reflash.components: {name}", "expected drivers.hardware to say how it is installed"
        elif isinstance(hardware, HostsHardware) and not _has_image(hardware, name):
            yield f"repair.reflash.components: {name}", "expected an image of it in drivers.hardware.redfish.images"


def _missing(cluster: Cluster) -> Iterator[tuple[Rung, str]]:
    """Rungs that the drivers have no way to do, and what would give them one."""
    hardware = cluster.drivers.hardware
    if not isinstance(hardware, HostsHardware):
        return
    if hardware.redfish is None:
        yield Rung.POWER_CYCLE, "drivers.hardware.redfish, which switches power"
    if cluster.repair.reimage is None:
        yield Rung.REIMAGE, "repair.reimage with the program that does it"


def _writes(hardware: HostsHardware, component: str) -> bool:
    if hardware.redfish is not None and component in hardware.redfish.components:
        return True
    recipe = hardware.ssh.components.get(component)
    return recipe is not None and not isinstance(recipe, ProbeRecipe)


def _has_image(hardware: HostsHardware, component: str) -> bool:
    """True when there is anything to write: by SSH the recipe says what, a BMC needs an image."""
    if hardware.redfish is None or component not in hardware.redfish.components:
        return True
    return any(image.component == component for image in hardware.redfish.images.images)


def _activation(cluster: Cluster, chosen: Sequence[Component]) -> tuple[Step, ...]:
    """What brings into effect what was written. Written again in the version that was there, no inventory would show
    that a boot or power cycle is missing: so what the mechanism declares, for any hardware model, counts as well.
    """
    hardware = cluster.drivers.hardware
    redfish = hardware.redfish if isinstance(hardware, HostsHardware) else None
    models = redfish.models if redfish is not None else ()
    declared = {r.activation for m in models for c in chosen if (r := m.rule(c.name)) is not None}
    if FirmwareActivation.POWER_CYCLE in declared:
        return (_step(StepKind.POWER_CYCLE, cluster.stack.reboot_duration),)
    if FirmwareActivation.REBOOT in declared or any(c.reboot for c in chosen):
        return (_step(StepKind.REBOOT, cluster.stack.reboot_duration),)
    return ()


def _reflash(cluster: Cluster, versions: Mapping[str, str], desired: Mapping[str, str]) -> tuple[Step, ...]:
    """Each component in the version it should have, else in the one it has; then what brings it into effect."""
    wanted = {**versions, **desired}
    names = cluster.repair.reflash.components if cluster.repair.reflash else ()
    chosen = [
        c
        for c in cluster.stack.components
        if c.name in names and c.name in versions and _VERSION.fullmatch(wanted[c.name])
    ]
    steps = [
        Step(
            key=f"reflash:{c.name}",
            kind=StepKind.REFLASH,
            upgrade=Upgrade(component=c.name, version=wanted[c.name]),
            expected=c.duration,
            rung=True,
        )
        for c in chosen
    ]
    return (*steps, *_activation(cluster, chosen))


def _step(kind: StepKind, expected: timedelta) -> Step:
    return Step(key=f"rung:{kind}", kind=kind, expected=expected, rung=True)
