"""Times as people write them: with an offset, or with the name of a zone, whose clock may skip or repeat an hour."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fleet.errors import InvalidInput

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""Between them times can be added to a moment and taken from it, and a timer can wait for it; and a date without its
dashes, which reads as seconds since 1970, is none of these.
"""
_EXAMPLES = "a time with its zone, such as 2026-01-31T08:00:00Z or '2026-01-31T08:00 Europe/Berlin'"


def moment(option: str, text: str) -> datetime:
    """A time in UTC. Raises InvalidInput for a time without its zone, one that a zone's clock skips, and one that it
    shows twice: there an offset says which is meant.
    """
    written, _, zone = text.strip().partition(" ")
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InvalidInput(option, "", f"expected {_EXAMPLES}, found {text!r}") from error
    if found.tzinfo is not None and zone:
        raise InvalidInput(option, "", f"expected either an offset or the name of a zone, found {text!r}")
    if found.tzinfo is None and not zone:
        raise InvalidInput(option, "", f"expected {_EXAMPLES}, found {text!r}")
    try:
        return foreseen(option, found.astimezone(UTC) if found.tzinfo is not None else _in_zone(option, found, zone))
    except OverflowError as error:
        raise InvalidInput(option, "", f"expected a time that any clock can show, found {text!r}") from error


def foreseen(option: str, at: datetime) -> datetime:
    """The moment, if anybody plans for its year. InvalidInput names the years there are."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidInput(option, "", f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, found {at.year}")
    return at


def _in_zone(option: str, wall: datetime, name: str) -> datetime:
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(option, "", f"expected a zone such as Europe/Berlin, found {name!r}") from error
    early, late = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        told = f"the clocks of {name} go forward then, and {wall.isoformat()} does not come"
        raise InvalidInput(option, "", f"expected another time: {told}")
    both = " or ".join(f"{wall.isoformat()}{_offset(found)}" for found in (early, late))
    raise InvalidInput(option, "", f"expected {both}: the clocks of {name} go back then, and that time comes twice")


def _offset(found: datetime) -> str:
    offset = found.utcoffset() or timedelta()
    sign, minutes = ("-" if offset < timedelta() else "+"), abs(int(offset.total_seconds())) // 60
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"
