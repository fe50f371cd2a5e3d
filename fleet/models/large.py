"""Large-scale maintenance: a dated emergency's quieter sister, which takes capacity out and brings it back in steps."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.base import Fact, Moment
from fleet.models.units import Amount, Duration, buffer_hosts, is_nothing


class LargeGate(StrEnum):
    """Who says go after a step."""

    AUTOMATIC = "automatic"
    """By itself, when every host of the step was seen to and no more than `most_failures` failed."""
    APPROVAL = "approval"
    """A person."""


class LargeWork(StrEnum):
    """What is done on each host when it is no upgrade; the words are those of operations."""

    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"
    REIMAGE = "reimage"
    VERIFY = "verify"

    @property
    def kind(self) -> str:
        """The kind of operation that it is, in the catalogue's words."""
        return f"{self.value.replace('_', '-')}-host"


class AfterAbort(StrEnum):
    """What becomes of the versions that hosts have got by the time of an abort."""

    KEEP = "keep"
    """They stay wanted where they were brought."""
    BACK = "back"
    """They are nobody's wish any more: trains bring what the fleet file and rollouts say."""


_FIRST_YEAR, _LAST_YEAR = 2000, 2199
"""Between them times can be added to a date and taken from it."""


class LargeStep(Fact):
    """One step of the ramp down."""

    domains: Amount = Field(description="maintenance domains of a pool that are out at once, or a share of its domains")
    hold: Duration = Field(timedelta(0), description="time between the step's last host and its gate")
    gate: LargeGate = LargeGate.AUTOMATIC
    most_failures: int = Field(0, ge=0, description="hosts of the step that may fail; beyond that a person says go")

    @model_validator(mode="after")
    def _takes_something(self) -> "LargeStep":
        if is_nothing(self.domains):
            raise ValueError("domains: expected at least 1, or a share")
        return self


class RampUp(Fact):
    """How verified hosts come back, once their step's gate says go."""

    domains: Amount = Field(description="maintenance domains of a pool that return at once, or a share of its domains")
    pause: Duration = Field(timedelta(0), description="time between two such returns")

    @model_validator(mode="after")
    def _returns_something(self) -> "RampUp":
        if is_nothing(self.domains):
            raise ValueError("domains: expected at least 1, or a share")
        return self


class LargePlan(Fact):
    """When it begins, in which steps, and what an abort leaves."""

    at: Moment = Field(description="when its first hosts are drained, with its zone")
    until: Moment | None = Field(None, description="no step begins that is not expected to be over by then")
    steps: tuple[LargeStep, ...] = Field(min_length=1, max_length=100, description="the last one repeats to the end")
    ramp_up: RampUp | None = Field(None, description="default: each host returns when it is verified")
    work: LargeWork | None = Field(None, description="instead of upgrades: what is done on each host")
    duration: Duration = Field(timedelta(minutes=10), description="expected time of that work on a host")
    after_abort: AfterAbort = AfterAbort.KEEP

    @model_validator(mode="after")
    def _ends_later(self) -> "LargePlan":
        for name, moment in (("at", self.at), ("until", self.until)):
            if moment is not None and not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                raise ValueError(f"{name}: expected a year from {_FIRST_YEAR} to {_LAST_YEAR}, found {moment.year}")
        if self.until is not None and self.until <= self.at:
            raise ValueError("until: expected a time after at")
        if self.duration <= timedelta(0):
            raise ValueError("duration: expected a length of time above 0")
        return self

    def step(self, number: int) -> LargeStep:
        """The step of the n-th round, from 1; the last one repeats."""
        return self.steps[min(max(number, 1), len(self.steps)) - 1]


def domains_of(amount: int | str, domains: int) -> int:
    """So many of a pool's domains: shares round down, to at least one."""
    return min(domains, buffer_hosts(amount, domains))


class LargePhase(StrEnum):
    """Where a round is."""

    CLEARING = "clearing"
    """Its date is near: trains of its pools begin nothing more."""
    OUT = "out"
    """The round's domains are worked on."""
    HOLDING = "holding"
    """They are done, and it waits for the step's `hold`."""
    GATE = "gate"
    """Go or no-go."""
    UP = "up"
    """Verified hosts come back."""


class LargeProgress(Fact):
    """How far it has come; with the rows of its hosts all that its next look needs."""

    round: int = 0
    """Number of the round, from 1; 0 before the first."""
    domains: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Pool: the domains of the round. No other domain has a host out."""
    first_stop: int = 0
    """Stops from this number on are the round's."""
    phase: LargePhase = LargePhase.CLEARING
    since: Moment
    """When the phase began."""
    approved_by: str = ""
    """Who said go at the gate that it is at."""
    released_at: Moment | None = None
    """When hosts of the round were last let return."""
    closed: str = ""
    """Why nothing more of the round begins; empty while it may."""
    barred_since: Moment | None = None
    """Since when what is left of the round can't be had, while all that it has is held."""
    accepted: tuple[str, ...] = ()
    """Hosts of the round that had failed by the pages whose gates a person said go at, this time or before."""
    asked: tuple[str, ...] | None = None
    """Hosts of the round that had failed when a person was asked, this time or before; None while nobody was."""
    doubted: tuple[str, ...] = ()
    """Hosts of the round of which nobody could tell when a person was asked, or looked at its gate: a go is with them.
    """
    untold_since: Moment | None = None
    """Since when there are others of which nobody can tell."""
    again: int = 0
    """How often the round came back to its gate, for hosts that failed on their return or since a person was asked."""
    passed: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Pool: the domains of earlier rounds, whose gates said go."""

    @property
    def occasion(self) -> str:
        """The round as people name it at its gate: `2`, and `2.1` once it has come back to it for the first time."""
        return occasion(self.round, self.again)


def occasion(number: int, again: int) -> str:
    """The gate of a round as people name it, by how often the round came back to it."""
    return f"{number}.{again}" if again else str(number)
