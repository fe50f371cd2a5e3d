"""Entries of the compatibility matrix, and the rows that keep them with what became of them."""

from enum import StrEnum

from pydantic import Field

from fleet.models.base import Fact, Moment, Name


class Verdict(StrEnum):
    """What was found out about a combination."""

    TESTED = "tested"
    BROKEN = "broken"


class MatrixEntry(Fact):
    """Some host-facing components × some pins, as tested or broken.

    Patterns: an exact version, a glob (`550.*`), or a range (`>=550.54,<560`).
    """

    components: dict[Name, str] = Field(min_length=1)
    pins: dict[Name, str] = Field(default_factory=dict)
    verdict: Verdict = Verdict.TESTED
    evidence: str = Field("", description="where the result can be read")
    author: str = ""
    at: Moment | None = None


class MatrixRecord(Fact):
    """A published entry, and how it ended if it did. A withdrawn one is kept and counts no more."""

    id: int
    entry: MatrixEntry
    withdrawn_at: Moment | None = None
    withdrawn_by: str = ""
    withdraw_reason: str = ""
    superseded_by: int | None = None
    """Id of the entry that took its place."""

    @property
    def in_force(self) -> bool:
        """True while the entry counts."""
        return self.withdrawn_at is None
