"""What crosses between an emergency's workflow and its activities."""

from pydantic import Field

from fleet.models.base import Message
from fleet.models.messages import Command


class EmergencyInput(Message):
    """Input of `EmergencyTrain`."""

    emergency: str
    cluster: str
    woken: bool = False
    """Of a look: something told that there is news, so that only its time brings the question whether stops still run.
    """


class EmergencyStop(Message):
    """One stop: hosts of one domain that are asked for together."""

    stop: str
    """Workflow id of its visit."""
    pool: str
    domain: str


class EmergencyPlanned(Message):
    """What a look at an emergency found and did."""

    reason: str
    state: str
    stops: tuple[EmergencyStop, ...] = ()
    """Those whose visits are to be started."""
    yields: dict[str, str] = Field(default_factory=dict)
    """Workflow that holds what it needs: why it is to yield."""
    halts: tuple[str, ...] = ()
    """Its own stops that are to end at their next safe points."""
    wait_seconds: float | None = None
    """Until it is to be looked at again; None for nothing dated."""
    picture: str = ""
    over: bool = False


class EmergencyOrder(Command):
    """A person's word on an emergency."""

    emergency: str
    verb: str
    round: int = 0
    """Of a go: the round whose gate the person saw. One that names none counts for no gate."""
    again: int = 0
    """Of a go: how often the round had come back to its gate when the person saw it."""


class Go(Command):
    """What a signal `approve` carries: who says go, why, and for the gate of which round."""

    round: int
    again: int = 0
    """How often the round had come back to its gate: 0 is its first time there."""
