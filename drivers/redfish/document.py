"""One resource of a BMC, read with suspicion: what is missing or of another type is a `BadAnswer` that names it."""

import json
import re
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fleet.errors import BadAnswer

HTTPS = 443
"""The port of a BMC where its address names none."""
_SHOWN = 160
_LONGEST_TEXT = 1024
_LONGEST_PATH = 512
_MOST_MEMBERS = 2000
_DEEPEST = 64
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")
"""JSON can say it, and nothing that keeps or shows text will take it."""
_PATH = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without a backslash, as URIs are."""
_T = TypeVar("_T")


class Document:
    """A JSON object; `what` says which one in messages (host and path)."""

    def __init__(self, what: str, fields: dict[str, Any]) -> None:
        self.what, self._fields = what, fields

    def has(self, name: str) -> bool:
        """True when the field is there and not null."""
        return self._fields.get(name) is not None

    def text(self, name: str) -> str:
        """A string that must be there."""
        return self._bounded(name, self._typed(name, self._fields.get(name), str, "a string"))

    def text_or(self, name: str, default: str = "") -> str:
        """A string, or the default where it is missing or null."""
        return self.text(name) if self.has(name) else default

    def number_or(self, name: str, default: int) -> int:
        """A whole number, or the default where it is missing or null."""
        value = self._fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            raise self._wrong(name, value, "a number")
        return self._typed(name, value, int, "a number")

    def flag(self, name: str) -> bool:
        """A boolean; missing or null is false."""
        value = self._fields.get(name)
        return False if value is None else self._typed(name, value, bool, "true or false")

    def part(self, name: str) -> "Document | None":
        """An object inside; None where it is missing or null."""
        value = self._fields.get(name)
        if value is None:
            return None
        return Document(f"{self.what} {name}", self._typed(name, value, dict, "an object"))

    def parts(self, name: str) -> tuple["Document", ...]:
        """A list of objects; none where it is missing or null."""
        items = self._list(name)
        return tuple(
            Document(f"{self.what} {name}[{i}]", self._typed(name, item, dict, "a list of objects"))
            for i, item in enumerate(items)
        )

    def texts(self, name: str) -> tuple[str, ...]:
        """A list whose strings are wanted; other items are told as JSON."""
        return tuple(self._whole(name, i if isinstance(i, str) else json.dumps(i)) for i in self._list(name))

    def path(self) -> str:
        """The resource's own path (`@odata.id`)."""
        return checked_path(self._fields.get("@odata.id"), f"{self.what} @odata.id")

    def link(self, name: str) -> str | None:
        """Path of the resource that a field refers to; None where there is none."""
        part = self.part(name)
        return None if part is None else part.path()

    def members(self) -> tuple["Document", ...]:
        """Members of a collection, complete: a list cut off or short of its own count is a `BadAnswer`."""
        if "Members" not in self._fields:
            raise self._wrong("Members", None, "a list of objects")
        members = self.parts("Members")
        if self.has("Members@odata.nextLink"):
            raise BadAnswer(f"{self.what}: the list goes on elsewhere and was not read whole")
        if self.number_or("Members@odata.count", len(members)) != len(members):
            raise BadAnswer(f"{self.what}: partial answer: {len(members)} members do not make its count")
        return members

    def next_page(self) -> str | None:
        """Path of a collection's next page; None at its end."""
        if not self.has("Members@odata.nextLink"):
            return None
        return checked_path(self._fields["Members@odata.nextLink"], f"{self.what} nextLink")

    def with_members(self, more: "Document") -> "Document":
        """The collection with the next page's members, and what that page says of further ones."""
        joined = [*self._list("Members"), *more._list("Members")]
        fields = {k: v for k, v in self._fields.items() if k != "Members@odata.nextLink"}
        following = {k: v for k, v in more._fields.items() if k == "Members@odata.nextLink"}
        return Document(self.what, fields | following | {"Members": joined})

    def _list(self, name: str) -> list[Any]:
        value = self._fields.get(name)
        items: list[Any] = [] if value is None else self._typed(name, value, list, "a list")
        if len(items) > _MOST_MEMBERS:
            raise BadAnswer(f"{self.what}: expected at most {_MOST_MEMBERS} items in {name!r}, found {len(items)}")
        return items

    def _bounded(self, name: str, value: str) -> str:
        if len(value) > _LONGEST_TEXT:
            raise self._wrong(name, value, f"at most {_LONGEST_TEXT} characters")
        return self._whole(name, value)

    def _whole(self, name: str, value: str) -> str:
        if _HALF_A_CHARACTER.search(value):
            raise self._wrong(name, value, "text")
        return value

    def _typed(self, name: str, value: object, wanted: type[_T], words: str) -> _T:
        if not isinstance(value, wanted):
            raise self._wrong(name, value, words)
        return value

    def _wrong(self, name: str, value: object, wanted: str) -> BadAnswer:
        return BadAnswer(f"{self.what}: expected {name!r} to be {wanted}, found {repr(value)[:_SHOWN]}")


def parse(what: str, body: bytes) -> Document:
    """A JSON object from an answer's body. Raises `BadAnswer`."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        shown = body[:_SHOWN].decode(errors="replace")
        raise BadAnswer(f"{what}: expected JSON, found {shown!r} ({type(error).__name__})") from error
    if _depth(fields) > _DEEPEST:
        raise BadAnswer(f"{what}: expected at most {_DEEPEST} brackets inside each other")
    if not isinstance(fields, dict):
        raise BadAnswer(f"{what}: expected a JSON object, found {repr(fields)[:_SHOWN]}")
    return Document(what, fields)


def _depth(value: object) -> int:
    """How deep brackets lie inside each other, counted up to one too many."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level, depth = inner, depth + 1
    return depth


def split_uri(uri: str, what: str) -> tuple[str | None, int, str]:
    """Host, port and path of a URI; without a host it is a path alone. Raises `BadAnswer` for what is no URI."""
    try:
        parts = urlsplit(uri)
        return (parts.hostname or "") if parts.netloc else None, parts.port or HTTPS, parts.path
    except ValueError as error:
        raise BadAnswer(f"{what}: expected a URI, found {uri[:_SHOWN]!r}: {error}") from error


def checked_path(value: object, what: str, under: str = "/redfish/") -> str:
    """A path on this same BMC. Raises `BadAnswer` for anything that could lead our credentials elsewhere."""
    good = isinstance(value, str) and value.startswith(under) and not value.startswith("//")
    odd = len(str(value)) > _LONGEST_PATH or not _PATH.fullmatch(str(value)) or ".." in str(value)
    if not good or odd:
        raise BadAnswer(f"{what}: expected a path under {under}, found {repr(value)[:_SHOWN]}")
    return str(value)
