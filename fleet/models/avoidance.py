"""Avoidance: a job, or its owner, asks a train to keep away from its hosts. The answer is an offer with a date, or a
refusal with the reason and the planned visit.
"""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, field_validator

from fleet.models.base import SIGNAL_PATTERN, Decision, Fact, HostName, Moment, Name
from fleet.models.units import Duration, parse_duration

KEY_PATTERN = r"^[A-Za-z0-9._:@+=,-]{0,200}$"
"""An asker's own key of a request; empty where it leaves the choice to us."""


class AvoidancePolicy(Fact):
    """How far a pool's visits may be put off. Budgets are of a cycle: they begin anew when one opens."""

    budget_per_job: Duration = Field(
        parse_duration("12h"), description="time for which one job may keep its hosts in a cycle; 0s: no avoidance"
    )
    budget_per_user: Duration = Field(
        parse_duration("2d"), description="time for which the jobs of one user may in a cycle, all together"
    )
    longest: Duration = Field(parse_duration("1d"), description="how far ahead a date may lie; extensions can follow")

    @field_validator("longest")
    @classmethod
    def _some(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("expected a length of time above 0")
        return value


class AvoidanceState(StrEnum):
    """Life of an avoidance."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """By its job or owner, or since the job no longer runs."""
    REVOKED = "revoked"
    """By the train, in advance: it could not be kept."""
    ENDED = "ended"
    """Its date has come, or a later one took its place."""
    READY = "ready"
    """The job's word: it may be visited now. It counts for the notice it answers."""


OPEN_STATES = (AvoidanceState.GRANTED, AvoidanceState.READY)


class AvoidanceSource(StrEnum):
    """How it was asked."""

    COMMENT = "comment"
    COMMAND_LINE = "command_line"
    PROGRAM = "program"
    HTTP = "http"
    ENGINE = "engine"


class AvoidanceAsk(Fact):
    """What was asked, of the train of one pool."""

    id: str = Field(min_length=1, max_length=600)
    """Idempotency key: asking twice under one is asking once."""
    cluster: Name
    pool: Name
    job: str = Field("", max_length=200)
    """Empty: an owner asks for hosts."""
    restarts: int = 0
    """Which run of the job asks."""
    user: str = Field(max_length=64)
    """Whose budget it counts against."""
    hosts: tuple[HostName, ...] = Field(min_length=1)
    until: Moment
    signal: str | None = Field(None, pattern=SIGNAL_PATTERN)
    """What this job wants to be told by that its visit is near, whatever the pool sends."""
    source: AvoidanceSource
    actor: str = Field(max_length=64)
    why: str = Field("", max_length=500)

    @property
    def work(self) -> str:
        """What the job's budget is kept by: the job, or else the hosts as they were named."""
        return f"job {self.job}" if self.job else f"hosts {','.join(sorted(self.hosts))}"


class Offer(Decision):
    """The answer: granted until a date, or refused. `planned` is when the visit is expected, where that is known."""

    until: Moment | None
    """None: refused."""
    planned: Moment | None = None


class Avoidance(Fact):
    """An avoidance as its row keeps it."""

    ask: AvoidanceAsk
    state: AvoidanceState
    reason: str
    """Why it is in this state, with the planned visit."""
    asked_at: Moment
    until: Moment | None = None
    """The date that was granted, possibly taken back to an earlier one since."""
    planned: Moment | None = None
    ended_at: Moment | None = None
    changed_at: Moment
    at_least: timedelta = timedelta(0)
    """What it counts for in budgets however soon it ends: it called a notice off."""
    carried: timedelta = timedelta(0)
    """What it counts for besides: the time of what it took the place of, in the same cycle."""
    passed_on: bool = False
    """Its time is counted by what took its place: a job may ask for a little more as often as it likes."""

    @property
    def id(self) -> str:
        """The request's id."""
        return self.ask.id

    @property
    def open(self) -> bool:
        """True while it may mean something to the train."""
        return self.state in OPEN_STATES

    def stands(self, now: Moment) -> bool:
        """True while the train keeps away because of it."""
        return self.state is AvoidanceState.GRANTED and self.until is not None and self.until > now


class AvoidanceChange(Decision):
    """What becomes of a granted avoidance."""

    id: str
    state: AvoidanceState
    until: Moment | None = None
    """An earlier date, where it goes on; None leaves the date."""
    planned: Moment | None = None

    def gives_more(self, row: Avoidance) -> bool:
        """True for one that was worked out before the row's date was taken back further."""
        return self.until is not None and row.until is not None and self.until > row.until
