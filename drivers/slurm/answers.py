"""Slurm's JSON answers, read with suspicion: `errors[]` counts even where the command succeeded, and a root or field
that is missing or of another type is a `BadAnswer` that names what was expected.

A controller that is away makes 22.05's `sinfo --json` and `squeue --json` say rc 0 with `errors[]` and an empty list.
"""

import json
from typing import Any, TypeVar

from fleet.errors import BadAnswer, Unreachable

_SHOWN = 200
_AWAY = ("Unable to contact", "Socket timed out", "connect failure", "Connection refused", "Zero Bytes")
_T = TypeVar("_T")


def says_away(message: str) -> bool:
    """True when a message of Slurm's means that its controller did not answer."""
    return any(sign.lower() in message.lower() for sign in _AWAY)


def shown(text: str) -> str:
    """The beginning of an answer, quoted, for a message."""
    return repr(text[:_SHOWN])[:_SHOWN]


class Record:
    """One object of an answer; `what` says which one in messages."""

    def __init__(self, what: str, fields: dict[str, Any]) -> None:
        self.what, self._fields = what, fields

    def has(self, name: str) -> bool:
        """True when the field is there, null too."""
        return name in self._fields

    def text(self, name: str) -> str:
        """A string; null reads as empty."""
        value = self._get(name)
        return "" if value is None else self._typed(name, value, str, "a string")

    def flag(self, name: str) -> bool:
        """A boolean, or 0 or 1."""
        value = self._get(name)
        if value in (0, 1):
            return bool(value)
        raise self._wrong(name, value, "true or false")

    def number(self, name: str) -> int | None:
        """A number, or null; the newer `{set, infinite, number}` is a number only where set and finite."""
        value = self._get(name)
        if isinstance(value, dict):
            if not isinstance(value.get("set"), bool) or not isinstance(value.get("infinite", False), bool):
                raise self._wrong(name, value, "{set, infinite, number}")
            if not value["set"] or value.get("infinite"):
                return None
            value = value.get("number")
        elif value is None:
            return None
        if isinstance(value, bool):
            raise self._wrong(name, value, "a number")
        return self._typed(name, value, int, "a number")

    def count(self, name: str) -> int:
        """A number that must be there and not negative."""
        value = self.number(name)
        if value is None or value < 0:
            raise self._wrong(name, self._get(name), "a number of 0 or more")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list of strings, or one string of words with commas between them; null and empty read as none."""
        value = self._get(name)
        if value is None or value == "":
            return ()
        if isinstance(value, str):
            return tuple(value.split(","))
        items: list[object] = self._typed(name, value, list, "a list of strings")
        return tuple(self._typed(name, item, str, "a list of strings") for item in items)

    def _get(self, name: str) -> object:
        if name not in self._fields:
            raise BadAnswer(f"{self.what}: expected a field {name!r}, found none")
        return self._fields[name]

    def _typed(self, name: str, value: object, wanted: type[_T], words: str) -> _T:
        if not isinstance(value, wanted):
            raise self._wrong(name, value, words)
        return value

    def _wrong(self, name: str, value: object, wanted: str) -> BadAnswer:
        return BadAnswer(f"{self.what}: expected {name!r} to be {wanted}, found {shown(str(value))}")


def records(answer: str, root: str, source: str) -> tuple[Record, ...]:
    """The objects under `root` of a JSON answer of `source` (the command, for messages).

    Raises `BadAnswer`, or `Unreachable` where the answer's errors say that the controller is away.
    """
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{source}: expected JSON, found {shown(answer)} ({error})") from error
    if not isinstance(body, dict):
        raise BadAnswer(f"{source}: expected a JSON object, found {shown(answer)}")
    _check_errors(body, source)
    items = body.get(root)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadAnswer(f"{source}: expected a list of objects under {root!r}, found {shown(str(items))}")
    return tuple(Record(f"{source}: {root}[{i}]", item) for i, item in enumerate(items))


def _check_errors(body: dict[str, Any], source: str) -> None:
    errors = body.get("errors")
    if not isinstance(errors, list):
        raise BadAnswer(f"{source}: expected a list under 'errors', found {shown(str(errors))}")
    if not errors:
        return
    told = "; ".join(_told(error) for error in errors)[:_SHOWN]
    if says_away(told):
        raise Unreachable(f"{source}: {told}")
    raise BadAnswer(f"{source}: errors inside the answer: {told}")


def _told(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    said = [str(error[key]) for key in ("source", "description", "error") if error.get(key)]
    return ": ".join(said) or str(error)
