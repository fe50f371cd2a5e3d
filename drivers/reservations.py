"""Names of our reservations, checked before one reaches a scheduler."""

import re

from fleet import ids
from fleet.errors import InvalidInput

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,99}$")


def reservation_name(name: str) -> str:
    """The reservation of that name of ours. Raises `InvalidInput`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("reservation", "", f"expected {_NAME.pattern}, found {name[:80]!r}")
    return ids.reservation(name)
