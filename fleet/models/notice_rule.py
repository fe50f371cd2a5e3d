"""When the dispatcher opens a repair by itself, as the fleet file has it."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from fleet.models.base import Fact
from fleet.models.units import Amount, Duration, parse_duration


class NoticeRule(Fact):
    """Which hosts that go down in production get a repair by themselves, and how many. A percentage of a pool counts as
    3 hosts at least.
    """

    failed_for: Duration = Field(parse_duration("1m"), description="for how long a host must have been seen failed")
    looks: int = Field(2, ge=1, description="in how many looks in a row it must have been seen failed")
    at_once: Amount = Field(
        "0.1%",
        description="hosts of a pool lost within failed_for, above which the breaker trips; so does a whole rack",
    )
    most: Amount = Field("5%", description="repairs of a pool opened within window, at most; more trip the breaker")
    window: Duration = Field(parse_duration("1h"), description="the time in which those are counted")
    settle: Duration = Field(
        parse_duration("10m"), description="time without too many new losses after which the breaker closes by itself"
    )


def _which(value: object) -> str:
    return "off" if value is False else "NoticeRule"


Noticing = Annotated[
    Annotated[NoticeRule, Tag("NoticeRule")] | Annotated[Literal[False], Tag("off")], Discriminator(_which)
]
"""The rule, or `off`."""
