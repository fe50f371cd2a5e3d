"""The scope of an operation: what is worked on, and the hosts that lose capacity by it."""

from pydantic import Field, model_validator

from fleet.models.base import Decision, Fact, Name
from fleet.models.catalogue_operation import Scope

WHOLE = (Scope.CLUSTER,)
"""Kinds of scope that need no name besides the cluster's."""


class ScopePart(Fact):
    """One thing in one cluster: `sim/rack/r1`, `sim/host/gpu[001-004]`, `sim/cluster`."""

    cluster: Name
    kind: Scope
    name: str = Field("", max_length=2000)
    """A hostlist for hosts, else the name of the rack, NVLink domain, switch, feed, loop or pool."""

    @model_validator(mode="after")
    def _named(self) -> "ScopePart":
        if bool(self.name) == (self.kind in WHOLE):
            raise ValueError(f"name: expected {'none' if self.name else 'one'} for a scope of kind {self.kind}")
        return self

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.cluster}/{self.kind}/{self.name}" if self.name else f"{self.cluster}/{self.kind}"


class ScopeHosts(Decision):
    """The hosts of one cluster that a scope takes capacity from."""

    direct: tuple[str, ...]
    """Named by the scope itself."""
    indirect: dict[str, str] = Field(default_factory=dict)
    """Host: why it loses capacity as well."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """All of them, by name."""
        return tuple(sorted({*self.direct, *self.indirect}))
