"""Hosts that go down in production, as the dispatcher notices them: the rule of the fleet file, what was seen so far,
and the repairs that were opened.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from fleet.models.base import Decision, Fact, Moment
from fleet.models.breaker import Breaker
from fleet.models.facts import LedgerFacts
from fleet.models.notice_rule import NoticeRule


class Loss(Fact):
    """One host that is failed and that no lease holds, from the first look that showed it so. The row goes when the
    host is seen otherwise; both times by the facts' clock, as of the beginning of a look.
    """

    cluster: str
    host: str
    pool: str
    since: Moment
    seen: Moment
    """The last look that was needed to tell."""
    looks: int = 1
    hold: str = ""
    """The drain reason on it that means *failed*, which stays its owner's; empty where nobody drained it."""
    operation: str = ""
    """The repair that was opened for this loss."""


class OpeningCause(StrEnum):
    """Why a repair was opened on a host that none of our work had."""

    NOTICED = "noticed"
    """It went down in production."""
    TAKEN_OVER = "taken_over"
    """An outsider handed it over."""


class OpenedRepair(Fact):
    """A repair that began with nothing of ours on the host; the row comes first, its workflow after it."""

    operation: str
    cluster: str
    pool: str
    host: str
    cause: OpeningCause
    hold: str = ""
    """The reason of another's drain that was on it then; empty where nobody had drained it."""
    found: str = ""
    """The reason that the scheduler showed then, of a drain or of being down."""
    reason: str
    actor: str
    at: Moment
    lost_at: Moment
    """When the host was first seen failed, or was taken over."""


class NoticeFacts(Fact):
    """Everything `fleet.policy.noticing` looks at, for one cluster, read in one transaction."""

    ledger: LedgerFacts
    rule: NoticeRule
    losses: dict[str, Loss]
    """By host."""
    breakers: dict[str, Breaker]
    """By pool."""
    opened: tuple[OpenedRepair, ...] = ()
    """Repairs of noticed losses within the rule's window."""


class Opening(Decision):
    """A repair to be opened."""

    host: str
    found: str = ""
    """The reason that the scheduler shows."""


class Noticed(Decision):
    """What one look made of the hosts that are down, to be committed in one transaction."""

    losses: dict[str, Loss] = Field(default_factory=dict)
    """Every row from now on."""
    opens: tuple[Opening, ...] = ()
    breakers: dict[str, Breaker] = Field(default_factory=dict)
    waiting: dict[str, str] = Field(default_factory=dict)
    """Hosts that get a repair later, and what for they wait: nobody has to be asked about these."""

    @model_validator(mode="after")
    def _opens_what_is_lost(self) -> Self:
        strangers = [o.host for o in self.opens if o.host not in self.losses]
        if strangers:
            raise ValueError(f"opens: expected hosts among the losses, found {strangers[0]}")
        return self
