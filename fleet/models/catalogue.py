"""The catalogue: what hosts are made of, what is done to them, and what verifies them. Versions are not in it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from fleet.models.base import Fact, Name
from fleet.models.catalogue_component import CatalogueComponent
from fleet.models.catalogue_operation import CatalogueOperation
from fleet.models.units import Duration
from fleet.models.verification import VerificationTask

ESTIMATE = "estimate"
"""The source of a duration that nobody has published."""


class Reboot(Fact):
    """Time of one reboot, until the host answers again."""

    duration: Duration
    source: Annotated[str, StringConstraints(min_length=1)]


class CatalogueVerification(Fact):
    """One of the three verification tasks."""

    task: VerificationTask
    what: Annotated[str, StringConstraints(min_length=1)] = Field(description="what it vouches for, in words")
    hosts: int = Field(ge=1, description="hosts that it needs at once")
    tools: tuple[str, ...] = ()
    duration: Duration
    source: Annotated[str, StringConstraints(min_length=1)]


class CatalogueFile(Fact):
    """One file of a catalogue: any of its lists."""

    layers: tuple[Name, ...] = Field((), description="deepest first; in one of the files")
    reboot: Reboot | None = None
    components: tuple[CatalogueComponent, ...] = ()
    operations: tuple[CatalogueOperation, ...] = ()
    verifications: tuple[CatalogueVerification, ...] = ()


class Catalogue(Fact):
    """All files together."""

    layers: tuple[Name, ...]
    reboot: Reboot
    components: tuple[CatalogueComponent, ...]
    operations: tuple[CatalogueOperation, ...]
    verifications: tuple[CatalogueVerification, ...]

    def component(self, name: str) -> CatalogueComponent | None:
        """The component of that name, or None."""
        return next((c for c in self.components if c.name == name), None)

    def operation(self, name: str) -> CatalogueOperation | None:
        """The operation of that name, or None."""
        return next((o for o in self.operations if o.name == name), None)
