"""Durations and amounts as people write them in a fleet file."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = 100.0
LONGEST = timedelta(days=3650)
"""Beyond it nothing is foreseen, and no moment can be told."""
_DURATION = r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"


def parse_duration(value: object) -> timedelta:
    """Read `90s`, `1h30m` or `30d`. Raises ValueError for a bare number: its unit can't be known; and for more than ten
    years, which no moment could be told after.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.match(_DURATION, value):
        raise ValueError("expected a duration with its unit, such as 90s, 1h30m or 30d")
    seconds = sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(value))
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"expected a duration of ten years ({LONGEST.days}d) at most")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, largest units first."""
    left = round(value.total_seconds(), 3)
    if left == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s"):
        whole = int(left // _UNITS[unit])
        if whole and unit != "s":
            parts.append(f"{whole}{unit}")
            left -= whole * _UNITS[unit]
    if left > 0:
        parts.append(f"{left:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["90s", "1h30m", "30d"]}),
]
"""A length of time, written with its unit."""


def parse_amount(value: object) -> int | str:
    """Read a count (`4`) or a share of the pool (`"5%"`). Raises ValueError for anything else."""
    if isinstance(value, bool):
        raise ValueError("expected a number of hosts or a percentage such as 5%")
    if isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str) and re.match(r"^\d{1,3}(\.\d+)?%$", value) and float(value[:-1]) <= _WHOLE:
        return value
    raise ValueError("expected a number of hosts (0 or more) or a percentage such as 5%")


Amount = Annotated[
    int | str,
    BeforeValidator(parse_amount),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,3}(\.\d+)?%$"}]}
    ),
]
"""A number of hosts, or a percentage of the pool's members."""


def parse_share(value: object) -> float:
    """Read `5%`, or a fraction such as `0.05`. Raises ValueError for anything else."""
    if isinstance(value, str) and re.match(r"^\d{1,3}(\.\d+)?%$", value) and float(value[:-1]) <= _WHOLE:
        return float(value[:-1]) / _WHOLE
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("expected a percentage such as 5%, or a fraction from 0 to 1")


Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^\d{1,3}(\.\d+)?%$"},
            ]
        }
    ),
]
"""A share of a whole, kept as a fraction."""


def buffer_hosts(amount: int | str, members: int) -> int:
    """Hosts a buffer allows: percentages round down, but to at least 1."""
    if isinstance(amount, int):
        return amount
    return max(1, int(members * float(amount[:-1]) / _WHOLE + 1e-9))


def is_nothing(amount: int | str) -> bool:
    """True for `0` and `0%`, where at least one is needed: shares round to at least one."""
    return float(amount.removesuffix("%") if isinstance(amount, str) else amount) == 0


def floor_hosts(amount: int | str, members: int) -> int:
    """Hosts a floor demands: percentages round up."""
    if isinstance(amount, int):
        return amount
    return -int(-(members * float(amount[:-1]) / _WHOLE - 1e-9) // 1)
