"""A component as the catalogue knows it, whatever its version."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from fleet.models.base import Fact, Name
from fleet.models.units import Duration


class RebootNeed(StrEnum):
    """What makes an upgrade active."""

    NONE = "none"
    SERVICE = "service"
    """A service restarts."""
    DEVICE = "device"
    """The device resets by itself; the host runs on."""
    HOST = "host"
    """The host reboots."""
    POWER = "power"
    """The host loses power: a reboot alone is not enough."""

    @property
    def reboots(self) -> bool:
        """True when the host goes down for it."""
        return self in (RebootNeed.HOST, RebootNeed.POWER)


class CatalogueComponent(Fact):
    """One upgradable thing on a host."""

    name: Name
    what: Annotated[str, StringConstraints(min_length=1)] = Field(description="what it is, in words")
    layer: Name
    order: int = Field(ge=0, description="place within its layer: lower ones are upgraded first")
    reboot: RebootNeed
    duration: Duration = Field(description="typical time of the upgrade on one host, without the reboot")
    source: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="where the duration can be looked up, or `estimate`"
    )
    relates_to: tuple[Name, ...] = Field((), description="components further up that it must be tested with")
    depends_on: tuple[Name, ...] = Field((), description="components that are upgraded before it")
    atomic_with: tuple[Name, ...] = Field((), description="components that only make sense upgraded together with it")
