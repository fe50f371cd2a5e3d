"""Cycles, domains, visits, and a train's next stop."""

from enum import StrEnum

from pydantic import Field

from fleet.models.base import Decision, Fact, Moment


class Domain(Fact):
    """Hosts of one pool taken out together; fixed for a cycle."""

    name: str
    hosts: tuple[str, ...]


class DomainState(StrEnum):
    """Where a domain is in its cycle."""

    DUE = "due"
    NOTICED = "noticed"
    VISITING = "visiting"
    VISITED = "visited"
    SKIPPED = "skipped"


class DomainProgress(Fact):
    """A domain within a cycle."""

    domain: Domain
    state: DomainState
    noticed_at: Moment | None = None
    visit: str | None = None
    """Workflow id of the visit under way or the last one."""
    attempts: int = 0
    give_backs: int = 0
    ended_at: Moment | None = None
    reason: str = ""


class Cycle(Fact):
    """One round of a train over its pool."""

    cluster: str
    pool: str
    number: int
    opened_at: Moment
    due_at: Moment
    closed_at: Moment | None = None
    domains: tuple[DomainProgress, ...] = ()

    @property
    def left(self) -> tuple[DomainProgress, ...]:
        """Domains that are to be visited yet, or have their visit now; none once it is closed."""
        done = (DomainState.VISITED, DomainState.SKIPPED)
        return () if self.closed_at is not None else tuple(d for d in self.domains if d.state not in done)


class StopAction(StrEnum):
    """What a train does next."""

    OPEN_CYCLE = "open_cycle"
    NOTICE = "notice"
    VISIT = "visit"
    WAIT = "wait"
    CLOSE_CYCLE = "close_cycle"


class NextStop(Decision):
    """The planner's answer to a train: the domain, or wait until T because R."""

    action: StopAction
    domain: str | None = None
    attempt: int = 0
    until: Moment | None = None
    at_risk: str = ""
    """Not empty when the cycle bound can't be met, and why."""


class VisitState(StrEnum):
    """Life of a visit."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


class Visit(Fact):
    """One stop of a train at one domain."""

    id: str
    cluster: str
    pool: str
    cycle: int
    domain: str
    attempt: int
    state: VisitState
    opened_at: Moment
    granted_at: Moment | None = None
    ended_at: Moment | None = None
    taken: tuple[str, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)
    """Host: why it is not taken."""
