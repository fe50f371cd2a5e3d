"""Patterns over versions: exact (`550.54`), glob (`550.*`) and ranges (`>=550.54,<560`).

Ranges compare naturally: numbers as numbers, a release after its `-rc` and `~` forerunners. A range never matches a
version that can't be ordered against its bound, such as `unknown` against `<560`.
"""

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from fleet.models.base import VERSION_PATTERN

_VERSION = re.compile(VERSION_PATTERN)
_GLOB = re.compile(r"^[A-Za-z0-9*?][A-Za-z0-9._+:~*?-]{0,63}$")
_CLAUSE = re.compile(r"^(>=|<=|==|!=|>|<)\s*([^<>=!\s]+)$")
_TOKEN = re.compile(r"\d+|[A-Za-z]+|[~+_-]")
_FORERUNNERS = {"dev", "snapshot", "alpha", "beta", "pre", "preview", "rc"}

_Token = tuple[int, int, str]
_TILDE, _FORERUNNER, _END, _SEPARATOR, _WORD, _NUMBER = range(6)


def check(pattern: str) -> None:
    """Raise ValueError, saying what was expected, when `pattern` is neither a version, a glob nor a range."""
    _clauses(pattern)


@lru_cache(maxsize=65536)
def matches(pattern: str, version: str) -> bool:
    """True when `version` fits `pattern`. Raises ValueError for a malformed pattern."""
    return all(_holds(operator, bound, version) for operator, bound in _clauses(pattern))


def is_exact(pattern: str) -> bool:
    """True when `pattern` is one version, neither a glob nor a range."""
    return _VERSION.fullmatch(pattern.strip()) is not None


def compare(left: str, right: str) -> int:
    """Order two versions naturally: negative when `left` is older, 0 when they are equal (`1.0` and `1.0.0` are)."""
    a, b = _key(left), _key(right)
    return (a > b) - (a < b)


@lru_cache(maxsize=4096)
def _clauses(pattern: str) -> tuple[tuple[str, str], ...]:
    """Operator and operand of every clause; the operator of a plain version or glob is empty."""
    text = pattern.strip()
    if not re.search(r"[<>=!,]", text):
        if not _GLOB.match(text):
            raise ValueError(
                f"expected a version (550.54), a glob (550.*) or a range (>=550.54,<560), found {pattern[:60]!r}"
            )
        return (("", text),)
    clauses = []
    for part in text.split(","):
        found = _CLAUSE.match(part.strip())
        if found is None or not _VERSION.match(found[2]):
            raise ValueError(
                "expected clauses such as >=550.54 joined by commas (operators >= > <= < == !=), "
                f"found {pattern[:60]!r}"
            )
        clauses.append((found[1], found[2]))
    return tuple(clauses)


def _holds(operator: str, bound: str, version: str) -> bool:
    if not operator:
        return fnmatchcase(version, bound)
    order = compare(version, bound)
    if operator == "!=":
        return order != 0
    if operator == "==":
        return order == 0
    if not _comparable(version, bound):
        return False
    return {">=": order >= 0, ">": order > 0, "<=": order <= 0, "<": order < 0}[operator]


def _comparable(left: str, right: str) -> bool:
    """Versions that open with different words, or one with a word and one with a number, have no order."""
    first, second = _key(left)[1][0], _key(right)[1][0]
    return first[0] == second[0] and (first[0] == _NUMBER or first == second)


@lru_cache(maxsize=16384)
def _key(version: str) -> tuple[int, tuple[_Token, ...]]:
    """Epoch (as in Debian's `1:2.3`) and tokens, closed by an end that sorts after forerunners, before the rest."""
    epoch, text = 0, version
    found = re.match(r"^(\d+):(.+)$", version)
    if found:
        epoch, text = int(found[1]), found[2]
    text = re.sub(r"^[vV](?=\d)", "", text)
    tokens: list[_Token] = []
    for part in _TOKEN.findall(text):
        token = _token(part)
        if token[0] != _NUMBER:
            _drop_zeros(tokens)
        if token[0] == _FORERUNNER and tokens and tokens[-1][0] == _SEPARATOR:
            tokens.pop()
            _drop_zeros(tokens)
        tokens.append(token)
    _drop_zeros(tokens)
    return epoch, (*tokens, (_END, 0, ""))


def _token(part: str) -> _Token:
    if part.isdecimal():
        return (_NUMBER, int(part), "")
    if part == "~":
        return (_TILDE, 0, "")
    if not part.isalpha():
        return (_SEPARATOR, 0, part)
    word = part.lower()
    return (_FORERUNNER if word in _FORERUNNERS else _WORD, 0, word)


def _drop_zeros(tokens: list[_Token]) -> None:
    """`1.0` and `1.0.0` are the same release, whatever follows them; a leading zero stays."""
    while len(tokens) > 1 and tokens[-1] == (_NUMBER, 0, "") and tokens[-2][0] == _NUMBER:
        tokens.pop()
