"""What was expected, in words of our own, for every kind of error that a model can have."""

from collections.abc import Callable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from fleet.models.base import HOST_PATTERN, NAME_PATTERN, VERSION_PATTERN

MOST_SHOWN = 60
"""Characters of a value that are shown: the rest of a terminal's line is for the complaint."""

_PATTERNS = {
    NAME_PATTERN: "a name of lower-case letters, digits, dash and underscore (at most 40)",
    HOST_PATTERN: "a host name of letters, digits, dot, dash and underscore (at most 63)",
    VERSION_PATTERN: "a version of letters, digits and . _ + : ~ - (at most 64)",
}
_KINDS = {
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "timezone_aware": "a time with its zone, such as 2026-01-31T08:00:00Z",
    "datetime_type": "a time such as 2026-01-31T08:00:00Z",
    "datetime_parsing": "a time such as 2026-01-31T08:00:00Z",
    "datetime_from_date_parsing": "a time such as 2026-01-31T08:00:00Z",
}
_LIMITS = {
    "greater_than": ("gt", "a number above"),
    "greater_than_equal": ("ge", "a number of at least"),
    "less_than": ("lt", "a number below"),
    "less_than_equal": ("le", "a number of at most"),
}


def expected(details: ErrorDetails, known: Callable[[], list[str]]) -> str:
    """`expected …, found …`; `known` names the fields that there are in the place of an unknown one."""
    kind = details["type"]
    if kind == "missing":
        return "expected this field, it is missing"
    if kind == "extra_forbidden":
        return _known_field(str(details["loc"][-1]), known())
    if kind == "union_tag_not_found":
        return "expected this field, it names the driver"
    if kind == "union_tag_invalid":
        tag = details["ctx"]["tag"]
        return f"expected one of {details['ctx']['expected_tags']}, found {shown(tag)}"
    return f"{_wanted(details)}, found {shown(details['input'])}{_hint(details)}"


def shown(value: object) -> str:
    """What was found, short; a container is only named, its text could be endless."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str | int | float) else f"'{value}'"
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 2] + "…'"


def near(name: str, known: list[str]) -> str:
    """`, did you mean …?`, or nothing when no known name is near."""
    found = get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean {found[0]!r}?" if found else ""


def _wanted(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    words = _KINDS.get(kind, "")
    if kind == "string_type":
        words = "text"
    elif kind == "string_pattern_mismatch":
        words = _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    elif kind in ("enum", "literal_error"):
        words = f"one of {context['expected']}"
    elif kind == "too_short":
        words = f"at least {context['min_length']} entry"
    elif kind in _LIMITS:
        words = f"{_LIMITS[kind][1]} {context[_LIMITS[kind][0]]:g}"
    if not words:
        words = str(context["error"]) if kind == "value_error" else details["msg"]
    return "expected " + words.removeprefix("expected ")


def _hint(details: ErrorDetails) -> str:
    value = details["input"]
    if details["type"] != "string_type" or value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, float):
        return "; put it in quotes, YAML reads 1.10 as the number 1.1"
    return "; put it in quotes"


def _known_field(name: str, known: list[str]) -> str:
    suggestion = near(name, known)
    if suggestion:
        return f"expected a known field{suggestion}"
    return f"expected one of the fields {', '.join(sorted(known))}" if known else "expected no such field"
