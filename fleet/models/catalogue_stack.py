"""A stack as a fleet file may write it: components of the catalogue by name, with the split point as a setting."""

from typing import Literal

from pydantic import ConfigDict, Field

from fleet.models.base import Fact, Name
from fleet.models.units import Duration


class ChosenComponent(Fact):
    """A component of the catalogue with fields of its own; one that the catalogue lacks gives them all."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Name


class CatalogueStack(Fact):
    """`from: catalogue`: everything that is not said here is the catalogue's."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: Literal["catalogue"] = Field(alias="from")
    split: Name = Field(description="the topmost host-facing layer of the catalogue; those above it are pinned")
    components: tuple[Name | ChosenComponent, ...] = Field(
        min_length=1, description="names of the catalogue, or mappings with a name and the fields that differ"
    )
    reboot_duration: Duration | None = Field(None, description="default: the catalogue's")
