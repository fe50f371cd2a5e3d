"""Why a timetable's first stop is the first, in a sentence."""

from collections.abc import Sequence
from datetime import timedelta
from math import inf

from fleet.models.timetable import PlannedVisit
from fleet.models.units import format_duration
from fleet.policy.timetable_calendar import Floats


def why_first(first: PlannedVisit, prices: Floats) -> str:
    """`prices`: of all domains that it was chosen from, in host-hours, were they visited then."""
    cost, cheapest = first.cost_host_hours, float(prices.min())
    if cost == 0:
        return f"no job that would be interrupted runs on {first.domain}"
    if cost <= cheapest + 1e-3:
        return f"{first.domain} is cheapest now ({host_hours(cost)})"
    return f"{first.domain} costs {host_hours(cost)} now, and with others waiting saves more"


def spare_of(visits: Sequence[PlannedVisit]) -> str:
    """Which visit has the least time to spare."""
    tightest = min(visits, key=lambda v: v.slack_seconds)
    spare = tightest.slack_seconds
    return f"; {tightest.domain} {f'keeps {length(spare)} slack' if spare >= 0 else f'is late by {length(-spare)}'}"


def spare_of_all(count: int, spare: float) -> str:
    """The same, of so many domains with `spare` seconds at least; -inf where some have no room at all."""
    if count <= 1 or spare == -inf:
        return ""
    return f"; all {count} left keep {length(spare)} slack or more" if spare >= 0 else f"; late by {length(-spare)}"


def host_hours(count: float) -> str:
    """An amount of work in words."""
    return f"{count:,.0f} host-hours" if count >= 10 else f"{count:.2g} host-hours"  # noqa: PLR2004


def length(seconds: float) -> str:
    """A length of time, to the minute, or to the second below some."""
    fine = 60.0 if seconds >= 600 else 1.0  # noqa: PLR2004
    return format_duration(timedelta(seconds=round(seconds / fine) * fine))
