"""Rungs of the repair ladder as they were climbed, and the decision for the next."""

from enum import StrEnum

from fleet.models.base import Decision, Fact, Message, Moment
from fleet.models.ladder import Rung
from fleet.models.verification import Category, Severity
from fleet.models.work import Step

LADDER = "repair ladder"
"""The actor where the ladder and no person is."""


class RungEnd(StrEnum):
    """How a rung ended."""

    CURED = "cured"
    """The host passed and returned."""
    FAILED = "failed"
    REFUSED = "refused"
    """The hardware has no way to do it, or would not: nothing was done."""
    WITHDRAWN = "withdrawn"
    """A person spoke before it began."""


class Failure(Decision):
    """Why a host is in repair, as far as the ladder goes by it."""

    category: Category | None = None
    """None: unknown."""
    severity: Severity | None = None
    inconclusive: bool = False
    """It could not be told whether the host is well."""
    barred: bool = False
    """No rung could help: its versions are not allowed, or another holds the host."""


class NextRung(Decision):
    """The next rung of a repair, or a person."""

    rung: Rung | None
    """None: a person is asked."""
    category: Category | None = None
    attempt: int = 0
    """The try of the repair that it begins."""
    steps: tuple[Step, ...] = ()
    """What is done before the host is verified again."""
    pool: str = ""
    """The pool that the host is in by now; empty in older histories."""


class RungRecord(Message):
    """One rung of one repair, kept for limits, pages and `host show`; `rung` None is the person at the end."""

    cluster: str
    pool: str
    host: str
    operation: str
    attempt: int
    rung: Rung | None
    category: Category | None
    reason: str
    """Why this one."""
    began: Moment
    ended: Moment | None = None
    end: RungEnd | None = None
    said: str = ""
    """What came of it."""

    @property
    def name(self) -> str:
        """The rung in a word."""
        return self.rung.value if self.rung is not None else "person"


class LadderFacts(Fact):
    """What was climbed: in this repair, oldest first, and how many rungs in the last 24 hours."""

    climbed: tuple[RungRecord, ...] = ()
    on_host: int = 0
    in_cluster: int = 0
