"""What crosses between a pin switch's workflows and activities."""

from enum import StrEnum

from pydantic import Field

from fleet.models.base import Decision, Message
from fleet.models.messages import Command, RolloutInput
from fleet.models.work import HostWork, Step


class PinInput(Message):
    """Input of `PinSwitch`."""

    switch: str
    cluster: str


class PinPhase(StrEnum):
    """What a batch of hosts goes through."""

    PREPARE = "prepare"
    MOVE = "move"
    VERIFY = "verify"
    BACK = "back"
    VERIFY_BACK = "verify_back"
    RELEASE = "release"


GOES_ON = (PinPhase.BACK, PinPhase.VERIFY_BACK, PinPhase.RELEASE)
"""Phases that a switch which goes back is made of: nothing breaks them off."""


class PinAction(StrEnum):
    """What the workflow of a pin switch does next."""

    AGAIN = "again"
    """The state changed: look again at once."""
    WAIT = "wait"
    RUN = "run"
    """Take the batches through a phase."""
    CLOSE = "close"
    CLEAR = "clear"
    COMMIT = "commit"
    OPEN = "open"
    END = "end"


class PinReview(Decision):
    """What a look at a pin switch found and decided."""

    action: PinAction
    state: str
    phase: PinPhase | None = None
    batches: tuple[int, ...] = ()
    wait_seconds: float | None = None
    """Until it is to be looked at again, whatever is under way."""
    breaks_off: bool = False
    """True when what is under way is to end at once: the switch goes back, or is over."""
    rollouts: tuple[RolloutInput, ...] = ()
    """Co-rollouts whose workflows are to run."""
    picture: str = ""
    refusals: dict[str, str] = Field(default_factory=dict)
    """Orders that are refused just now, and why."""


class PinOrder(Command):
    """A person's word on a pin switch."""

    switch: str
    verb: str


class PinBatchInput(Message):
    """Input of `PinBatch`, and of the activities that prepare, plan and end one."""

    switch: str
    cluster: str
    phase: PinPhase
    batch: int
    host: str = ""
    """Only this one of them; empty for all."""


class PinHostWork(Message):
    """What one host of a batch goes through."""

    work: HostWork
    steps: tuple[Step, ...] = ()
    lost: str = ""
    """Why it goes to repair at once; empty for a host that can be worked on."""
    waits: str = ""
    """Why its way can't be told yet: it is asked for alone, and the others go on; empty for every other host."""


class PinBatchWork(Message):
    """What a batch goes through."""

    hosts: tuple[PinHostWork, ...] = ()


class PinBatchEnd(Message):
    """How the hosts of a batch came out of a phase."""

    input: PinBatchInput
    done: tuple[str, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict)
    """Host: why it was handed over to repair."""


class PinBatchSeen(Message):
    """Hosts that were to be done and turned out not to be, and why."""

    off: dict[str, str] = Field(default_factory=dict)
