"""The software stack of a cluster: layers by depth, the split point, components, and what they relate to."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from fleet.models.base import Fact, Name, Version
from fleet.models.units import Duration

PATIENCE, PATIENCE_AT_LEAST = 10, timedelta(minutes=30)


class Component(Fact):
    """One upgradable thing on a host, such as `bmc`, `gpu-driver` or `cuda`."""

    name: Name
    layer: Name = Field(description="a layer of the stack")
    relates_to: tuple[Name, ...] = Field((), description="job-facing components whose pin it must be tested with")
    reboot: bool = Field(False, description="whether the upgrade is active only after a reboot")
    duration: Duration = Field(description="expected time of the upgrade on one host, without the reboot")
    within: Duration | None = Field(
        None,
        description="time after which an upgrade that has not ended sends its host to repair; default: ten times the "
        "duration, at least half an hour",
    )
    apply: Annotated[str, Field(pattern="^(hardware)$")] = Field(
        "hardware", description="how it is applied: by the cluster's hardware driver"
    )
    atomic_with: tuple[Name, ...] = Field((), description="components that only make sense upgraded together with it")

    @property
    def ends_within(self) -> timedelta:
        """Time after which an upgrade that has not ended is not waited for any longer."""
        return self.within if self.within is not None else max(PATIENCE * self.duration, PATIENCE_AT_LEAST)


class Stack(Fact):
    """Layers deepest first; those up to and including `split` are host-facing and slide, the rest is job-facing."""

    layers: tuple[Name, ...] = Field(min_length=1)
    split: Name = Field(description="the topmost host-facing layer; every layer above it is pinned cluster-wide")
    components: tuple[Component, ...] = Field(min_length=1)
    reboot_duration: Duration = Field(description="expected time of one reboot, until the host answers again")

    @model_validator(mode="after")
    def _consistent(self) -> "Stack":
        if len(set(self.layers)) != len(self.layers):
            raise ValueError("layers: expected each layer once")
        if self.split not in self.layers:
            raise ValueError(f"split: expected one of the layers {', '.join(self.layers)}, found {self.split!r}")
        names = [c.name for c in self.components]
        if len(set(names)) != len(names):
            raise ValueError("components: expected each component name once")
        for component in self.components:
            self._check_component(component)
        return self

    def _check_component(self, component: Component) -> None:
        if component.layer not in self.layers:
            raise ValueError(f"components.{component.name}.layer: expected one of {', '.join(self.layers)}")
        for other in component.relates_to:
            if not any(c.name == other and not self.host_facing(c) for c in self.components):
                wanted = f"expected a job-facing component, found {other!r}"
                raise ValueError(f"components.{component.name}.relates_to: {wanted}")
        for other in component.atomic_with:
            if not any(c.name == other and self.host_facing(c) for c in self.components):
                raise ValueError(f"components.{component.name}.atomic_with: {other!r} is not a host-facing component")

    def depth(self, component: Component) -> int:
        """0 for the deepest layer."""
        return self.layers.index(component.layer)

    def host_facing(self, component: Component) -> bool:
        """True when the component lies at or below the split point and so slides."""
        return self.depth(component) <= self.layers.index(self.split)

    def component(self, name: str) -> Component | None:
        """The component of that name, or None."""
        return next((c for c in self.components if c.name == name), None)


class Upgrade(Fact):
    """A component and the version it should have."""

    component: Name
    version: Version
