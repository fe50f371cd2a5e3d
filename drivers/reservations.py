"""Names of our reservations, checked before one reaches a scheduler."""

import re
from collections.abc import Mapping

from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.announcement import Announcement

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,99}$")


def reservation_name(name: str) -> str:
    """The reservation of that name of ours. Raises `InvalidInput`."""
    return ids.reservation(_checked(name))


def announced_by_name(plans: Mapping[str, Announcement]) -> dict[str, Announcement]:
    """Announcements by the whole name of their reservation. Raises `InvalidInput`."""
    return {f"{ids.NEXT_RESERVATION}{_checked(name)}": plan for name, plan in plans.items()}


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput("reservation", "", f"expected {_NAME.pattern}, found {name[:80]!r}")
    return name
