"""A host that passes between us and a named outsider, such as the vendor who mends it."""

from enum import StrEnum

from fleet.models.base import Decision, Fact, HostName, Moment, Name


class HandoverWay(StrEnum):
    """Which way a host goes."""

    GIVE = "give"
    """Out of our repair, to an outsider."""
    TAKE = "take"
    """From an outsider, into our repair."""


class HandoverState(StrEnum):
    """Life of a handover."""

    ASKED = "asked"
    ACKNOWLEDGED = "acknowledged"
    """Whoever gets the host has said so; the scheduler does not show it yet."""
    DONE = "done"
    WITHDRAWN = "withdrawn"

    @property
    def over(self) -> bool:
        """True when nothing more comes of it."""
        return self in (HandoverState.DONE, HandoverState.WITHDRAWN)


class Handover(Fact):
    """One handover. The host stays with who has it until the scheduler shows the other's drain on it."""

    id: str
    cluster: Name
    pool: str
    host: HostName
    way: HandoverWay
    outsider: str
    actor: str
    reason: str
    operation: str
    """Our repair that gives or takes the host."""
    theirs: str
    """The outsider's drain reason: the one to be written for them, or the one that was found."""
    asked_at: Moment
    deadline: Moment
    """By when it is to be done; people are told past that, and the host stays where it is."""
    state: HandoverState = HandoverState.ASKED
    acknowledged_at: Moment | None = None
    acknowledged_by: str = ""
    ended_at: Moment | None = None
    ended_because: str = ""


class HandoverDeed(StrEnum):
    """What is to be done about an open handover."""

    WAIT = "wait"
    REWRITE = "rewrite"
    """Make the drain's reason the other's, by compare-and-set."""
    END = "end"
    """The scheduler shows the other's drain: ownership passes now."""
    WITHDRAW = "withdraw"
    """It has lost its object."""


class HandoverStep(Decision):
    """The next step of a handover."""

    deed: HandoverDeed
    found: str | None = None
    """For a rewrite: the reason that must be on the host; None where nothing holds it."""
    late: bool = False
    """Its deadline has passed: people are told."""
