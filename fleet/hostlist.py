"""Hostlists, the way Slurm and people write many names at once: `gpu[001-004,007],login1`.

Zero padding is kept, several brackets in a name multiply, and the number of names is bounded, because a hostlist may
come from a file or from a scheduler's answer.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from math import prod

from fleet.models.base import HOST_PATTERN

MAX_NAMES = 200_000
_NAME = re.compile(HOST_PATTERN)
_DIGITS = re.compile(r"([0-9]+)")
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Sort key under which `gpu9` comes before `gpu10`."""
    parts = _DIGITS.split(name)
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts)), name


def expand(text: str) -> tuple[str, ...]:
    """Names of a hostlist in the order written, each once; empty for an empty text.

    Raises ValueError with the position (from 1) for a text that is no hostlist, or means more than 200,000 names.
    """
    names: dict[str, None] = {}
    total = 0
    if not text.strip():
        return ()
    for position, word in _words(text):
        parts = _parts(word, position)
        total += prod(_size(p) for p in parts)
        if total > MAX_NAMES:
            raise ValueError(f"position {position}: {word!r} makes this more than {MAX_NAMES} names")
        for picked in product(*(_texts(p) for p in parts)):
            name = "".join(picked)
            if not _NAME.fullmatch(name):
                raise ValueError(f"position {position}: {name!r} is no host name (letters, digits, . _ -; at most 63)")
            names[name] = None
    return tuple(names)


def compact(names: Iterable[str]) -> str:
    """The hostlist of these names in natural order, with the last number of each name folded into ranges.

    Raises ValueError for a string that is no host name.
    """
    groups: dict[tuple[str, str | None], list[str]] = {}
    for name in sorted(set(names), key=natural_key):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no host name (letters, digits, . _ -; at most 63)")
        found = _LAST_NUMBER.fullmatch(name)
        if found is None:
            groups[(name, None)] = []
        else:
            groups.setdefault((found[1], found[3]), []).append(found[2])
    return ",".join(_folded(before, numbers, after) for (before, after), numbers in groups.items())


def some(names: Iterable[str]) -> str:
    """A few names and how many more there are, for a sentence."""
    listed = list(names)
    more = len(listed) - 3
    return ", ".join(listed[:3]) + (f" and {more} more" if more > 0 else "")


_Part = str | list[tuple[str, str]]
"""A literal, or the ranges of a bracket."""


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Split at the commas outside brackets; positions count from 1."""
    start, depth = 0, 0
    for i, c in enumerate(text + ","):
        if c == "[":
            depth += 1
        elif c == "]":
            depth -= 1
        if depth not in (0, 1):
            raise ValueError(f"position {i + 1}: unexpected {c!r}")
        if c == "," and (depth == 0 or i == len(text)):
            word = text[start:i].strip()
            if depth:
                raise ValueError(f"position {start + 1}: bracket in {word!r} is never closed")
            if not word:
                raise ValueError(f"position {start + 1}: expected a name before ','")
            yield start + 1, word
            start = i + 1


def _parts(word: str, position: int) -> list[_Part]:
    """Literals and brackets of one word, in order."""
    parts: list[_Part] = []
    for i, piece in enumerate(re.split(r"\[([^\[\]]*)\]", word)):
        if i % 2 == 0:
            parts.append(piece)
            continue
        ranges = []
        for item in piece.split(","):
            found = _RANGE.fullmatch(item.strip())
            if found is None:
                raise ValueError(f"position {position}: expected numbers or ranges, not {item!r}, in {word!r}")
            low, high = found[1], found[2] or found[1]
            if int(high) < int(low):
                raise ValueError(f"position {position}: range {item!r} in {word!r} runs backwards")
            if high != high.lstrip("0") and len(high) != len(low) and int(high):
                raise ValueError(f"position {position}: ends of {item!r} in {word!r} are padded differently")
            ranges.append((low, high))
        parts.append(ranges)
    return parts


def _size(part: _Part) -> int:
    return 1 if isinstance(part, str) else sum(int(high) - int(low) + 1 for low, high in part)


def _texts(part: _Part) -> list[str]:
    if isinstance(part, str):
        return [part]
    return [str(n).zfill(_width(low)) for low, high in part for n in range(int(low), int(high) + 1)]


def _width(low: str) -> int:
    """Digits that a range starting so is padded to."""
    return len(low) if low.startswith("0") else 0


def _folded(before: str, numbers: list[str], after: str | None) -> str:
    """One word for names that differ in their last number only; `after` is None for a name without a number."""
    if after is None:
        return before
    runs: list[tuple[str, str]] = []
    for number in sorted(numbers, key=lambda n: (len(n), n)):
        if runs:
            low, high = runs[-1]
            if str(int(high) + 1).zfill(_width(low)) == number:
                runs[-1] = (low, number)
                continue
        runs.append((number, number))
    if len(numbers) == 1:
        return before + numbers[0] + after
    ranges = ",".join(low if low == high else f"{low}-{high}" for low, high in runs)
    return f"{before}[{ranges}]{after}"
