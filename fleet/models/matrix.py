"""Entries of the compatibility matrix."""

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
