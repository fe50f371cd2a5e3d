"""Versions as people give them on a command line, checked against a cluster's stack."""

import re
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.base import VERSION_PATTERN
from fleet.models.fleetfile import Cluster
from fleet.models.stack import Upgrade

InCluster = Annotated[str | None, typer.Option("--cluster", help="A cluster; default: the only one.")]
Pins = Annotated[
    list[str] | None,
    typer.Option("--pin", metavar="COMPONENT=VERSION", help="Another version of a pin than the one in force."),
]


def host_facing_sets(texts: list[str], cluster: Cluster) -> dict[str, str]:
    """`COMPONENT=VERSION …` as a set of host-facing versions."""
    return parted("COMPONENT=VERSION", texts, cluster, job_facing=False)


def with_pins(cluster: Cluster, texts: list[str]) -> Cluster:
    """The cluster with other pins than those in force, to judge by."""
    pins = parted("--pin", texts, cluster, job_facing=True)
    return cluster.model_copy(update={"pins": {**cluster.pins, **pins}})


def planned_upgrade(component: str | None, version: str | None, cluster: Cluster) -> Upgrade | None:
    """The rollout that is asked about. `InvalidInput` for half of one."""
    if component is None and version is None:
        return None
    if component is None or version is None:
        raise InvalidInput("--component", "", "expected --component and --version together")
    ((name, found),) = parted("--component", [f"{component}={version}"], cluster, job_facing=False).items()
    return Upgrade(component=name, version=found)


def parted(
    source: str, texts: list[str], cluster: Cluster, *, job_facing: bool, patterns: bool = False
) -> dict[str, str]:
    """`COMPONENT=VERSION` texts by component. `InvalidInput` for another component, none, or one named twice."""
    stack, found = cluster.stack, dict[str, str]()
    for text in texts:
        component, equals, version = text.partition("=")
        known = stack.component(component)
        if not equals or not version or known is None or stack.host_facing(known) is job_facing:
            names = ", ".join(c.name for c in stack.components if stack.host_facing(c) is not job_facing)
            raise InvalidInput(source, "", f"expected one of {names} with its version, found {text!r}")
        if not re.fullmatch(VERSION_PATTERN.strip("^$"), version):
            raise InvalidInput(source, "", f"expected a version of letters, digits and . _ + : ~ -, found {version!r}")
        if component in found:
            raise InvalidInput(source, "", f"expected {component} once")
        found[component] = version
    return found
