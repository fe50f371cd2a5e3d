"""What a job says in a free text of its own, such as Slurm's comment, without any library of ours.

    maintrain:avoid until=+2h why=a run without checkpoints     (or until=2026-01-31T08:00:00Z; signal=USR1)
    maintrain:ready                                             it may be visited now; again: maintrain:ready 2
    maintrain:withdraw                                          never mind

Words that can't be read are answered with what was expected; they are nobody's error.
"""

import re
from datetime import UTC, datetime, timedelta

from fleet.models.base import SIGNAL_PATTERN, Fact, Moment
from fleet.models.units import parse_duration

MARK = "maintrain:"
EXPECTED = "expected maintrain:avoid until=+2h (or until=2026-01-31T08:00:00Z), maintrain:ready or maintrain:withdraw"
_VERBS = ("avoid", "ready", "withdraw")
_COSTS = "job"
"""What it loses when it is interrupted: read elsewhere, and no request."""
_WORDS = re.compile(r"maintrain:((?:(?!maintrain:)[^;\r\n])*)")
_AGAIN = re.compile(r"[A-Za-z0-9._:-]{0,40}")
_FIELD = re.compile(r"(until|signal|why)=")
_LONGEST_WHY = 300


class Word(Fact):
    """What a job says; `problem` says what was expected of one that can't be read."""

    text: str
    """As it was written: the same text is the same word."""
    verb: str = ""
    until: str = ""
    signal: str | None = None
    why: str = ""
    problem: str = ""


def word_in(comment: str) -> Word | None:
    """The first request in a comment, up to a semicolon, the line's end or our next word; None where there is none.
    What is no request of ours is complained of only where there is no other.
    """
    texts = [" ".join(found[1].split()) for found in _WORDS.finditer(comment)]
    asked = [text for text in texts if text.partition(" ")[0] != _COSTS]
    if not asked:
        return None
    text = next((text for text in asked if text.partition(" ")[0] in _VERBS), asked[0])
    verb, _, rest = text.partition(" ")
    if verb not in _VERBS:
        return Word(text=text, problem=f"{EXPECTED}, found {verb[:40]!r}")
    if verb != "avoid":
        # A word after it makes it another one: a job that is told twice may say it twice.
        problem = "" if _AGAIN.fullmatch(rest) else f"{EXPECTED}, found {rest[:40]!r} after {verb}"
        return Word(text=text, verb="" if problem else verb, problem=problem)
    return _avoid(text, rest)


def until_of(text: str, at: Moment) -> Moment:
    """A date as it is written: `+2h` from `at`, or an ISO time with its zone. ValueError says what was expected."""
    if text.startswith("+"):
        return at + parse_duration(text[1:])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected a date such as +2h or 2026-01-31T08:00:00Z, found {text[:60]!r}") from error
    if found.tzinfo is None:
        raise ValueError(f"expected a date with its zone, such as 2026-01-31T08:00:00Z, found {text[:60]!r}")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"expected a date that any clock can show, found {text[:60]!r}") from error


def _avoid(text: str, rest: str) -> Word:
    parts = _FIELD.split(rest)
    if parts[0].strip():
        return Word(text=text, problem=f"{EXPECTED}, found {parts[0].strip()[:40]!r}")
    given = dict(zip(parts[1::2], (value.strip().rstrip(",") for value in parts[2::2]), strict=True))
    problem = "" if given.get("until") else EXPECTED
    signal = given.get("signal")
    if signal is not None and not re.fullmatch(SIGNAL_PATTERN.strip("^$"), signal):
        problem = f"signal: expected a name such as USR1, found {signal[:40]!r}"
    try:
        until_of(given.get("until", "+0s"), datetime(2000, 1, 1, tzinfo=UTC) + timedelta(0))
    except ValueError as error:
        problem = f"until: {error}"
    if problem:
        return Word(text=text, problem=problem)
    why = given.get("why", "")[:_LONGEST_WHY]
    return Word(text=text, verb="avoid", until=given["until"], signal=signal, why=why if why.isprintable() else "")
