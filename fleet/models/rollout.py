"""A rollout's spec file: one upgrade, the hosts it is for, and the phases that carry it there.

Field checks are here; what only a fleet file can tell (names of clusters, components of its stacks) is checked by
`fleet.policy.rollout_checks`.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from fleet.models.base import Fact, Name, Version
from fleet.models.units import Duration, Share

ROLLOUT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,39}/[A-Za-z0-9][A-Za-z0-9._+:~-]{0,63}$"
RolloutId = Annotated[str, StringConstraints(pattern=ROLLOUT_PATTERN)]
"""A rollout is named by what it carries: `component/version`."""
OWNER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"


class RollBack(StrEnum):
    """What becomes of hosts that carry an offboarded version."""

    WITH_TRAINS = "with_trains"
    """Their next visit brings the prior version back."""
    AT_ONCE = "at_once"
    """An emergency train does, and where it can't visits that come first, which are asked for if no cycle is under way.
    """
    LEAVE = "leave"
    """They keep it; nobody else gets it."""


class Image(Fact):
    """Where the version's image is, and what it must be."""

    url: str | None = Field(None, pattern=r"^https?://\S+$")
    file: str | None = Field(None, min_length=1, pattern=r"^\S+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _one_place(self) -> "Image":
        if (self.url is None) == (self.file is None):
            raise ValueError("url: expected either url or file")
        return self


class RolloutHosts(Fact):
    """Which hosts; every given criterion must hold. What is not known of a host fits no criterion."""

    names: str | None = Field(None, description="a hostlist such as gpu[001-064]")
    feature: str | None = Field(None, description="a node feature of the scheduler")
    model: str | None = Field(None, description="a hardware model")

    @model_validator(mode="after")
    def _something(self) -> "RolloutHosts":
        if self.names is None and self.feature is None and self.model is None:
            raise ValueError("expected at least one of names, feature, model")
        return self


class Cohort(Fact):
    """How many hosts a phase reaches, those of earlier phases included, taken as whole domains; and of which."""

    percent: float | None = Field(None, gt=0, le=100, description="share of the hosts that the phase may choose from")
    count: int | None = Field(None, ge=1, description="number of hosts")
    clusters: tuple[Name, ...] = Field((), description="only in these clusters")
    pools: tuple[Name, ...] = Field((), description="only in pools of these names")
    hosts: RolloutHosts | None = None

    @model_validator(mode="after")
    def _one_size(self) -> "Cohort":
        if self.percent is not None and self.count is not None:
            raise ValueError("count: expected either percent or count")
        return self


class Phase(Fact):
    """One step of the way, and the gate that leads out of it."""

    name: Name
    cohort: Cohort | None = Field(None, description="without one: every host of the rollout, those that join too")
    min_successes: int = Field(1, ge=0, description="hosts that must have passed with the version")
    max_failure_rate: Share = Field(0.1, description="share of the phase's hosts that may fail with it")
    soak: Duration = Field(timedelta(0), description="time in production after the successes before the next phase")
    approval: bool = Field(False, description="a person must approve before the phase opens")


class Unit(StrEnum):
    """A unit of topology that several pools may have hosts in. A host may hang on several switches."""

    RACK = "rack"
    NVLINK = "nvlink"
    SWITCH = "switch"


class Alignment(Fact):
    """Domains of several pools that share a unit of topology are visited together where that interrupts fewer jobs."""

    by: Unit
    wait: Duration = Field(timedelta(hours=2), description="time that a visit waits for the other trains at most")


class OnOffboard(Fact):
    """What an offboarding does."""

    roll_back: RollBack = RollBack.WITH_TRAINS


class RolloutSpec(Fact):
    """The whole file."""

    component: Name
    version: Version
    prior: Version = Field(description="the version that a roll back brings back")
    image: Image | None = None
    clusters: tuple[Name, ...] = Field((), description="default: every cluster whose stack has the component")
    pools: tuple[Name, ...] = Field((), description="default: every pool")
    hosts: RolloutHosts | None = Field(None, description="default: every host")
    phases: tuple[Phase, ...] = Field(min_length=1)
    priority: int = Field(0, ge=-1000, le=1000, description="the higher goes first, in a visit's budget too")
    stages: tuple[Version, ...] = Field((), description="versions on the way, in their order; a visit does one of them")
    on_offboard: OnOffboard = OnOffboard()
    aligned: Alignment | None = Field(None, description="default: every train visits its domains for itself")
    owner: str = Field(
        "", pattern=rf"^$|{OWNER_PATTERN}", description="environment variable with the owner's addresses"
    )
    depends_on: tuple[RolloutId, ...] = Field((), description="rollouts whose version a host must carry before")

    @model_validator(mode="after")
    def _consistent(self) -> "RolloutSpec":
        names = [p.name for p in self.phases]
        if len(set(names)) != len(names):
            raise ValueError("phases: expected each phase name once")
        for index, phase in enumerate(self.phases):
            if phase.cohort is None and index + 1 < len(self.phases):
                raise ValueError(f"phases.{index}.cohort: expected one, only the last phase reaches every host")
            if phase.cohort is not None and index + 1 == len(self.phases):
                raise ValueError(f"phases.{index}.cohort: expected none, the last phase reaches every host")
        path = (self.prior, *self.stages, self.version)
        if len(set(path)) != len(path):
            raise ValueError("stages: expected prior, stages and version to differ from each other")
        if self.id in self.depends_on:
            raise ValueError("depends_on: expected other rollouts than this one")
        return self

    @property
    def id(self) -> str:
        """`component/version`."""
        return f"{self.component}/{self.version}"

    @property
    def versions(self) -> tuple[str, ...]:
        """The stages and the version itself: everything that this rollout brings to hosts."""
        return (*self.stages, self.version)
