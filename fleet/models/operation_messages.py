"""What crosses between an operation's workflow and its activities."""

from enum import StrEnum

from fleet.models.base import Decision, Message
from fleet.models.messages import Command
from fleet.models.work import HostWork


class OperationInput(Message):
    """Input of `Operation`."""

    operation: str
    cluster: str
    """The first of its clusters, whose workers look after it."""


class OperationBoard(Message):
    """The operation in one of its clusters, to be boarded on the hosts that it holds there."""

    operation: str
    cluster: str


class OperationBoarded(Message):
    """Hosts that are to be worked on."""

    works: tuple[HostWork, ...] = ()
    running: tuple[str, ...] = ()
    """Hosts on which a workflow is under way already: an earlier run's, or what goes before."""


class OperationAction(StrEnum):
    """What the workflow of an operation does next."""

    AGAIN = "again"
    """The state changed: look again at once."""
    WAIT = "wait"
    BOARD = "board"
    """See to it that every host that it holds is worked on, and wait."""
    END = "end"


class OperationReview(Decision):
    """What a look at an operation found and decided."""

    action: OperationAction
    state: str
    clusters: tuple[str, ...] = ()
    asks: bool = False
    """True when the dispatchers are to be told that something waits."""
    word: str = ""
    """In words, once its hosts are to come back."""
    cancelled: bool = False
    """True when hosts that nobody has begun to work on come back as they are."""
    wait_seconds: float | None = None
    """Until it is to be looked at again."""
    picture: str = ""


class OperationOrder(Command):
    """A word on an operation that came as a signal."""

    operation: str
    said: str
