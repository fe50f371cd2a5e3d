"""What a provider makes of a tool's output. A verdict is never written down: it follows from findings and doubts.

A finding that weighs enough fails the host. A doubt is whatever keeps the output from being a complete, clean answer:
with one, nothing passes.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.errors import BadAnswer
from fleet.models.command import CommandResult
from fleet.models.verification import Category, Finding, Severity, Verdict

MOST_EVIDENCE = 1024
"""Characters of evidence kept with a finding."""
MOST_FINDINGS = 12
"""Findings, and doubts, kept of one provider; how many more there were is told."""
_FAILING = frozenset({Severity.ERROR, Severity.RESET, Severity.ISOLATE})
_MISSING = (126, 127)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?")


@dataclass(frozen=True)
class Answer:
    """Findings and doubts of one provider."""

    findings: tuple[Finding, ...] = ()
    doubts: tuple[str, ...] = ()
    evidence: str = ""
    """What stands beside findings that bring none of their own: the command and what it printed."""

    @property
    def verdict(self) -> Verdict:
        """Failed when any finding fails the host; else inconclusive when there is any doubt; else passed."""
        if any(finding.severity in _FAILING for finding in self.findings):
            return Verdict.FAILED
        return Verdict.INCONCLUSIVE if self.doubts else Verdict.PASSED

    def plus(self, other: "Answer") -> "Answer":
        """Both together."""
        evidence = "\n".join(part for part in (self.evidence, other.evidence) if part)
        return Answer(self.findings + other.findings, self.doubts + other.doubts, bounded(evidence))

    def told(self, provider: str) -> tuple[Finding, ...]:
        """All of it as findings of a provider, those that fail the host first."""
        doubts = [Finding(category=Category.SOFTWARE, summary=d, severity=Severity.WARNING) for d in self.doubts]
        ordered = sorted((*self.findings, *doubts), key=lambda finding: finding.severity not in _FAILING)
        kept = ordered[:MOST_FINDINGS]
        if len(ordered) > len(kept):
            more = f"{len(ordered) - len(kept)} more finding(s)"
            kept.append(Finding(category=Category.SOFTWARE, summary=more, severity=Severity.INFO))
        return tuple(
            finding.model_copy(
                update={
                    "provider": provider,
                    "summary": bounded(finding.summary, 300),
                    "evidence": bounded(finding.evidence or self.evidence),
                }
            )
            for finding in kept
        )


def doubt(text: str, evidence: str = "") -> Answer:
    """An answer that proves nothing, and why."""
    return Answer(doubts=(text,), evidence=evidence)


def bounded(text: str, limit: int = MOST_EVIDENCE) -> str:
    """At most `limit` characters: the beginning, where tools say what they are, and the end, where they say why."""
    # JSON can say half a character, which nothing that keeps or shows text will take.
    text = text.strip().encode(errors="replace").decode()
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def unusable(result: CommandResult, tool: str) -> str | None:
    """Why nothing can be concluded from a command, whatever it printed; None when its output may be read."""
    if result.status is None:
        return f"{tool} did not end by itself within its time ({result.seconds:.0f} s)"
    if result.status in _MISSING and not result.stdout.strip():
        return f"{tool} is missing or can't be run (exit status {result.status})"
    if not result.whole:
        return f"the output of {tool} was too long and was cut"
    return None


def evidence_of(result: CommandResult) -> str:
    """A command's output for a person to read."""
    said = "\n".join(part.strip() for part in (result.stdout, result.stderr) if part.strip())
    return bounded(f"$ {' '.join(result.argv)} -> {result.status}\n{said}")


def number(text: object) -> float:
    """A finite, non-negative number written in digits. Raises `BadAnswer` for all else, `nan` and `inf` too."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise BadAnswer(f"expected a number, found {str(text)[:40]!r}")
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        raise BadAnswer(f"expected a number, found {text[:40]!r}")
    try:
        value = float(text)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or value < 0:
        raise BadAnswer(f"expected a number of 0 or more, found {str(text)[:40]!r}")
    return value


def json_object(text: str) -> dict[str, Any]:
    """A JSON object. Raises `BadAnswer` for anything else, also for a key that is there twice, NaN and Infinity."""
    try:
        body = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"expected JSON: {str(error)[:80]}") from error
    if not isinstance(body, dict):
        raise BadAnswer("expected a JSON object")
    return body


def is_json(text: str) -> bool:
    """True for output that says it is a JSON object, of tools that can print either."""
    return text.lstrip().startswith("{")


def whole_lines(text: str) -> list[str]:
    """Lines without the white space at their ends. Raises `BadAnswer` when the last one was cut."""
    if not text.endswith("\n"):
        raise BadAnswer("the last line is not whole")
    return [line.rstrip() for line in text.splitlines()]


def object_of(owner: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object under a key that must be there. Raises `BadAnswer`."""
    value = owner.get(key)
    if not isinstance(value, dict):
        raise BadAnswer(f"expected an object under {key!r}")
    return value


def objects(owner: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects under a key that must be there. Raises `BadAnswer`."""
    items = owner.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadAnswer(f"expected a list of objects under {key!r}")
    return items


def text_of(owner: Mapping[str, Any], key: str) -> str:
    """A string under a key that must be there. Raises `BadAnswer`."""
    value = owner.get(key)
    if not isinstance(value, str):
        raise BadAnswer(f"expected a string under {key!r}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
