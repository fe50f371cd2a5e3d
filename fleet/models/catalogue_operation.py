"""A kind of maintenance operation as the catalogue knows it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from fleet.models.base import Fact, Name
from fleet.models.units import Duration


class Scope(StrEnum):
    """What an operation is done to."""

    HOST = "host"
    RACK = "rack"
    NVLINK_DOMAIN = "nvlink_domain"
    SWITCH = "switch"
    POWER_FEED = "power_feed"
    COOLING_LOOP = "cooling_loop"
    POOL = "pool"
    CLUSTER = "cluster"


class Disruption(StrEnum):
    """What jobs in the scope notice of it, the least first."""

    NONE = "none"
    DEGRADED = "degraded"
    """Slower, or without a spare; jobs run on."""
    DRAINED = "drained"
    """No job runs in the scope meanwhile."""
    DOWN = "down"
    """The scope is off, or can't be reached."""


class CatalogueOperation(Fact):
    """One kind of operation."""

    name: Name
    what: Annotated[str, StringConstraints(min_length=1)] = Field(description="what is done, in words")
    scope: Scope
    disruption: Disruption
    duration: Duration = Field(description="typical time")
    source: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="where the duration can be looked up, or `estimate`"
    )
    not_with: tuple[Name, ...] = Field((), description="operations that must not overlap with it on a shared scope")
