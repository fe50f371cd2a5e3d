"""The repair ladder of a cluster: which rungs are climbed for which kind of failure before a person is asked, and how
often. An empty ladder asks a person at once.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from fleet.models.base import Fact, Name
from fleet.models.notice_rule import NoticeRule, Noticing
from fleet.models.recipe import Argv
from fleet.models.units import Duration, parse_duration
from fleet.models.verification import Category

_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_HOST = "{host}"
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Rung(StrEnum):
    """What is done to a host before it is verified again, the gentlest first. Each includes what plan and gate ask."""

    RETRY = "retry"
    """Nothing: what is due, and every verification once more."""
    GPU_RESET = "gpu_reset"
    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"
    REFLASH = "reflash"
    """Firmware is written again in the version that it should have, with a reboot where it needs one."""
    REIMAGE = "reimage"

    @property
    def height(self) -> int:
        """Its place on the ladder, from 0."""
        return list(Rung).index(self)


class Ladder(Fact):
    """Rungs by the category of the worst finding, going up; a person stands at the end of each and is not written."""

    hardware: tuple[Rung, ...] = ()
    software: tuple[Rung, ...] = ()
    performance: tuple[Rung, ...] = ()
    unknown: tuple[Rung, ...] = Field(
        (), description="no verification failed: a step broke off, the host did not come back, a flash failed"
    )

    @field_validator("*")
    @classmethod
    def _going_up(cls, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        heights = [rung.height for rung in rungs]
        if heights != sorted(set(heights)):
            raise ValueError(f"expected each rung once, in the order {', '.join(Rung)}")
        return rungs

    def of(self, category: Category | None) -> tuple[Rung, ...]:
        """Rungs for a failure; None is the unknown one, as is one of which only a job tells."""
        by_category = {
            Category.HARDWARE: self.hardware,
            Category.SOFTWARE: self.software,
            Category.PERFORMANCE: self.performance,
        }
        return self.unknown if category is None else by_category.get(category, self.unknown)

    @property
    def rungs(self) -> frozenset[Rung]:
        """Every rung that is named."""
        return frozenset((*self.hardware, *self.software, *self.performance, *self.unknown))


class RungLimits(Fact):
    """How often rungs are climbed. A day is the last 24 hours; rungs that the hardware refused don't count in it."""

    per_host_per_day: int = Field(6, ge=1, description="rungs on one host in a day")
    per_cluster_per_day: int = Field(50, ge=1, description="rungs in the cluster in a day")
    per_rung: int = Field(1, ge=1, le=5, description="how often one rung is climbed in a repair before the next")
    told_after: Duration = Field(
        parse_duration("4h"), description="time without a next rung after which people are told; a reimage has its own"
    )


class Reflash(Fact):
    """Which firmware the rung `reflash` writes again."""

    components: tuple[Name, ...] = Field(min_length=1)


class ReimageHook(Fact):
    """The site's own program that installs a host anew. It runs on the worker's machine, never through a shell, and is
    given PATH, HOME and LANG of the worker's environment, where secrets may be, and what `environment` names.

    Exit code 0 says that the host was reinstalled or is about to boot for it; any other one that it was not. The rung
    is over when the host has booted anew.
    """

    argv: Argv = Field(description="the program and its arguments; {host} is the host's name")
    environment: tuple[EnvironmentName, ...] = Field(
        (), description="further variables of the worker's environment that it is given"
    )
    within: Duration = Field(
        parse_duration("2h"), description="time for the program, and again for the host to be back"
    )

    @field_validator("argv")
    @classmethod
    def _only_the_host(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        found = {brace for word in argv for brace in _BRACES.findall(word)}
        if found != {_HOST} or _HOST in argv[0]:
            raise ValueError("expected {host} among the arguments, and no other placeholder")
        return argv

    def words(self, host: str) -> tuple[str, ...]:
        """The argument list for a host."""
        return tuple(word.replace(_HOST, host) for word in self.argv)

    @property
    def limit(self) -> timedelta:
        """`within`, at least a second."""
        return max(self.within, timedelta(seconds=1))


class Repair(Fact):
    """Which hosts go to repair by themselves, and what is tried with one before a person is asked."""

    ladder: Ladder = Ladder()
    limits: RungLimits = RungLimits()
    reflash: Reflash | None = None
    reimage: ReimageHook | None = None
    notice: Noticing = Field(
        NoticeRule(), description="when a host that goes down in production gets a repair by itself; off: never"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if Rung.REFLASH in self.ladder.rungs and self.reflash is None:
            raise ValueError("reflash: expected its components, since the ladder names reflash")
        return self
