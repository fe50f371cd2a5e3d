"""Intents: what is written before a side effect, so that a later attempt can tell whether it happened."""

from enum import StrEnum

from fleet.models.base import Fact, Moment


class IntentState(StrEnum):
    """Life of an intent."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """The fence refused, so nothing was sent; opening it again starts it anew."""


class Before(Fact):
    """What was read back before the side effect."""

    boot_id: str | None = None
    version: str | None = None
    tasks: tuple[str, ...] = ()
    """Ids of the device tasks known before, so that a new one is ours."""
    remembers_since: str | None = None
    """Since when the device remembered its tasks; None when it did not tell."""


class IntentEnd(Fact):
    """How a step's intent ends, in the name of the attempt whose `token` it is."""

    token: str
    state: IntentState
    result: str


class Intent(Fact):
    """One side effect of one operation. (operation, step) is unique; `token` names the attempt that may act."""

    operation: str
    step: str
    token: str
    before: Before
    state: IntentState = IntentState.OPEN
    task: str | None = None
    """The device task that carries it out, once known."""
    sent: bool = True
    """False where it is certain that nothing was sent under it: an attempt writes down that it sends before it does."""
    opened_at: Moment
    token_at: Moment
    """When the present token took the intent."""
    looked_at: Moment | None = None
    """When an attempt after the first last read the device for it; None while none has."""
    result: str = ""
