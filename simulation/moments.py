"""The policies of `fleet` tell time by the calendar; a simulation begins on a Monday, whatever day it is."""

from datetime import UTC, datetime, timedelta

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def seconds(at: datetime) -> float:
    """The other way."""
    return (at - BEGIN).total_seconds()
