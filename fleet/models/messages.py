"""What crosses between workflows, activities, the CLI and the Temporal UI."""

from pydantic import Field

from fleet.errors import HostState
from fleet.models.base import Message, Moment
from fleet.models.phases import GateAction
from fleet.models.train import StopAction
from fleet.models.work import HostWork, Outcome


class Command(Message):
    """A person's word: who, and why."""

    actor: str = "unknown"
    reason: str = "no reason given"
    at: Moment | None = None
    """When it was said, by the facts' own clock; None where that is not known."""


class SkipCommand(Command):
    """Leave a domain out of the open cycle."""

    domain: str


class ClusterInput(Message):
    """Input of `Dispatcher`."""

    cluster: str


class TrainInput(Message):
    """Input of `MaintenanceTrain`, and its state when it continues as new."""

    cluster: str
    pool: str
    under_way: tuple[str, ...] = ()
    """Visit ids that have not reported their end."""


class TrainStop(Message):
    """What the planner told the train."""

    action: StopAction
    reason: str
    visit: str | None = None
    domain: str | None = None
    until: Moment | None = None
    wait_seconds: float | None = None
    """Until then, counted when this was said: the engine's clock is another than the facts'."""
    at_risk: str = ""
    ended: tuple[str, ...] = ()
    """Visits under way that turned out to have ended."""
    due: tuple[str, ...] = ()
    """Domains that may still be skipped."""
    timetable: str = ""


class VisitInput(Message):
    """Input of `DomainVisit`."""

    cluster: str
    pool: str
    visit: str
    domain: str
    ask: int = 0
    """Number of the lease request under way, when the visit continues as new while it waits."""


class VisitAsk(Message):
    """One look at a visit's lease request."""

    input: VisitInput
    ask: int = 0


class VisitAsked(Message):
    """How the request stands."""

    ask: int
    request: str
    granted: bool
    hosts: tuple[str, ...] = ()
    reason: str = ""
    """Why it waits, or why there is nothing to take."""


class VisitBoarded(Message):
    """Hosts that are to be worked on."""

    works: tuple[HostWork, ...] = ()
    reason: str = ""


class VisitEnd(Message):
    """What a visit reports when it ends."""

    input: VisitInput
    request: str | None = None
    reason: str = ""


class HandOver(Message):
    """A host goes to repair."""

    work: HostWork
    reason: str
    host_state: HostState = HostState.UNKNOWN


class Observed(Message):
    """What the dispatcher's look found."""

    next_look_seconds: float
    ledger: str
    """The ledger in markdown."""
    ownerless: tuple[HandOver, ...] = ()
    """Hosts whose holder no longer exists."""
    undrained: tuple[str, ...] = ()
    """Hosts in repair, or in an outsider's hands, whose drain somebody has lifted."""
    lost_switches: tuple[str, ...] = ()
    """Pin switches that are not over and that no workflow looks after."""
    opened: tuple[HandOver, ...] = ()
    """Hosts whose repair was opened and has not begun."""
    back: tuple[str, ...] = ()
    """Hosts in repair that are back before anything was done to them."""
    given: tuple[str, ...] = ()
    """Hosts in repair that an outsider has by now."""
    lost_operations: tuple[str, ...] = ()
    """Submitted operations of which the same is true."""
    lost_emergencies: tuple[str, ...] = ()
    """Emergencies of which the same is true."""


class HostEnd(Message):
    """What `HostMaintenance` ends with."""

    host: str
    outcome: Outcome
    reason: str


class Settled(Message):
    """Whom to tell of a grant."""

    holders: tuple[str, ...] = ()
    waiting: int = 0


class StopCommand(Command):
    """A stop, freeze or resume as a signal brought it, to be written as a row."""

    cluster: str
    pool: str | None = None
    verb: str


class RolloutInput(Message):
    """Input of `Rollout`."""

    rollout: str
    """`component/version`."""
    cluster: str
    """The cluster whose workers look after it."""


class RolloutOrder(Command):
    """A person's word on a rollout."""

    rollout: str
    verb: str


class Reviewed(Message):
    """What a look at a rollout found and did."""

    action: GateAction
    reason: str
    state: str
    phase: str = ""
    """Name of the phase that is open."""
    wait_seconds: float | None = None
    """Until it is to be looked at again; at once for 0."""
    picture: str = ""
    """Its phases in markdown, and why it waits."""
    over: bool = False
    refusals: dict[str, str] = Field(default_factory=dict)
    """Orders that are refused just now, and why."""
