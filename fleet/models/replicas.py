"""Groups of hosts that hold the same data, of which no two may be touched at once."""

from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.base import Fact


class ReplicaKey(StrEnum):
    """What tells a host's group."""

    RACK = "rack"
    NVLINK = "nvlink"
    FEATURE = "feature"


class Replicas(Fact):
    """How a pool's hosts fall into replica groups, and how many of these may have hosts out."""

    by: ReplicaKey
    prefix: str | None = Field(None, min_length=1, description="with by feature: how the feature begins, as replica=")
    at_once: int = Field(1, ge=1, description="groups that may have hosts out at one instant, whatever took them out")

    @model_validator(mode="after")
    def _told(self) -> "Replicas":
        if (self.by is ReplicaKey.FEATURE) != (self.prefix is not None):
            raise ValueError("prefix: expected with by feature, and with nothing else")
        return self
