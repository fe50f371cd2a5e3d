"""A blame in words, with its numbers."""

from collections.abc import Collection, Sequence

from fleet.models.blame import BlameVerdict, Evidence, TrialKind
from fleet.models.blame_rule import BlameRule

_MANY = 10_000


def in_words(
    verdict: BlameVerdict,
    convicted: Evidence | None,
    unsplit: Sequence[Evidence],
    alone: Sequence[Evidence],
    rule: BlameRule,
) -> str:
    """One sentence that says who is to blame and why."""
    if convicted:
        return _convicted(convicted, rule)
    if unsplit:
        worst = max(unsplit, key=lambda e: e.odds)
        names = " and ".join(worst.suspects)
        return f"{names} must be boarded apart: carried together only, {_counts(worst)}, odds {_odds(worst.odds)}"
    if verdict is BlameVerdict.HOST:
        return "the hosts are to blame: " + "; ".join(f"{_name(e)}: {_acquitted(e)}" for e in alone)
    return "; ".join(f"{_name(e)}: {_open(e, rule)}" for e in alone) or "nothing is suspected"


def _convicted(e: Evidence, rule: BlameRule) -> str:
    where, rest = "on every hardware model", ""
    if e.hardware:
        where = f"on {', '.join(e.hardware)}"
        others = sorted({c.hardware for c in e.compared} - {*e.hardware})
        rest = f", but not on {', '.join(others)}: {_counts(e, others)}" if others else ""
    return (
        f"{_name(e)} is to blame {where}: {_counts(e, e.hardware)}{rest}; odds {_odds(e.odds)}, where "
        f"{_needed(rule)} blames a good version in at most {rule.false_alarms:.3g} of rollouts"
    )


def _acquitted(e: Evidence) -> str:
    by_hardware = f"{e.hardware_findings} failed by their hardware" if e.hardware_findings else ""
    if not e.failures:
        return by_hardware or "no failure counts against it"
    return f"{_counts(e)}, which those hosts' records or the usual rate explain" + (by_hardware and f"; {by_hardware}")


def _open(e: Evidence, rule: BlameRule) -> str:
    if not e.failures:
        return f"no failure counts against it ({_counts(e)})" if e.compared else "nothing to compare yet"
    return f"{_counts(e)}: odds {_odds(e.odds)}, {_needed(rule)} needed"


def _counts(e: Evidence, hardware: Collection[str] = ()) -> str:
    """What was compared, on some hardware models or all."""
    told = []
    for kind, unit in ((TrialKind.VISIT, "visits"), (TrialKind.PRODUCTION, "days in production")):
        those = [c for c in e.compared if c.kind is kind and (not hardware or c.hardware in hardware)]
        trials, controls = sum(c.trials for c in those), sum(c.controls for c in those)
        failures, without = sum(c.failures for c in those), sum(c.control_failures for c in those)
        if trials:
            against = f"{without} in {controls:.5g} without it ({without / controls:.2%})" if controls else "no control"
            told.append(f"{failures} failures in {trials:.5g} {unit} ({failures / trials:.2%}) against {against}")
    return " and ".join(told)


def _name(e: Evidence) -> str:
    return " and ".join(e.suspects)


def _needed(rule: BlameRule) -> str:
    return _odds(1 / rule.false_alarms)


def _odds(odds: float) -> str:
    return f"over {_MANY} to 1" if odds > _MANY else f"{odds:.3g} to 1"
