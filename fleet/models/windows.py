"""When planned work on a pool may begin, and by when it must have ended: weekly windows by a wall clock."""

from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator

from fleet.models.base import Fact

ClockTime = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""A time of day, `HH:MM`; `24:00` is the end of the day."""

DAY_MINUTES = 24 * 60


def minutes_of(time: str) -> int:
    """Minutes from the beginning of the day."""
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


class Weekday(StrEnum):
    """Days, in the order of `date.weekday()`."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Window(Fact):
    """A span of the week, as the clocks of its zone show it. One that closes no later than it opens goes on to the
    next day; windows that touch or overlap are one.
    """

    days: tuple[Weekday, ...] = Field(tuple(Weekday), min_length=1, description="days on which it opens; default all")
    opens: ClockTime = Field(description="when work may begin, such as 22:00")
    closes: ClockTime = Field(description="when work must have ended, such as 06:00 (of the next day)")
    zone: str = Field("UTC", description="an IANA time zone, such as Europe/Berlin")

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("expected an IANA time zone such as Europe/Berlin or UTC") from error
        return zone

    @field_validator("opens")
    @classmethod
    def _begins_on_its_day(cls, opens: str) -> str:
        if minutes_of(opens) == DAY_MINUTES:
            raise ValueError("expected a time before 24:00; the next day begins at 00:00")
        return opens

    @property
    def minutes(self) -> int:
        """Its length by the clock; daylight saving may make one an hour longer or shorter."""
        length = minutes_of(self.closes) - minutes_of(self.opens)
        return length if length > 0 else length + DAY_MINUTES

    def __str__(self) -> str:
        """As people say it."""
        days = "daily" if set(self.days) == set(Weekday) else ",".join(self.days)
        return f"{days} {self.opens}-{self.closes} {self.zone}"
