"""The next rung of a repair, or a person. The ladder only goes up, through the rungs that the fleet file has for the
kind of failure, and every way on it ends at a person.
"""

from collections.abc import Collection, Sequence

from fleet.models.base import Moment
from fleet.models.ladder import Repair, Rung
from fleet.models.rungs import Failure, LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.units import format_duration
from fleet.models.verification import Finding, Severity, Verdict
from fleet.models.work import Climb, StepAction, StepRecord

_CATEGORIES = ("hardware", "software", "performance")


def failure_of(records: Sequence[StepRecord], climb: Climb, trouble: str) -> Failure:
    """Why the last try failed, by the records of its steps, oldest first. `trouble` is its own word for it."""
    if climb is Climb.BARRED:
        return Failure(barred=True, reason=trouble)
    # One step at most hands over; by the workers' clocks it may not be the last.
    last = next((r for r in reversed(records) if r.action is StepAction.HAND_OVER), None)
    if last is None or last.verification is None:
        return Failure(reason=trouble if last is None else last.reason)
    if last.verification.verdict is not Verdict.FAILED:
        return Failure(inconclusive=True, reason=last.reason)
    worst = max(last.verification.findings, key=_weight, default=None)
    if worst is None:
        return Failure(reason=last.reason)
    return Failure(
        category=worst.category, severity=worst.severity, reason=f"{last.verification.task}: {worst.summary}"
    )


def refused(records: Sequence[StepRecord]) -> bool:
    """True when the steps of a rung say that the hardware did nothing of it."""
    return bool(records) and all(record.action is StepAction.SKIP for record in records)


def last_judged(climbed: Sequence[RungRecord]) -> int:
    """The try whose failure counts now: the last whose rung was not refused; 0 is what led to the repair."""
    return max((r.attempt for r in climbed if r.end is not RungEnd.REFUSED), default=0)


def next_rung(
    repair: Repair, failure: Failure, facts: LadderFacts, without: Collection[Rung] = frozenset()
) -> NextRung:
    """Decide. Inconclusive never climbs; a limit that is reached, and the end of the ladder, are a person's.

    `without`: rungs that would do nothing on this host.
    """
    stop = _stop(failure)
    if stop is not None:
        return _person(failure, stop)
    kind = failure.category or "unknown"
    rungs = repair.ladder.of(failure.category)
    if failure.severity is Severity.RESET and Rung.GPU_RESET in rungs:
        rungs = tuple(rung for rung in rungs if rung.height >= Rung.GPU_RESET.height)
    left = [rung for rung in rungs if rung not in without and _may_follow(rung, facts.climbed, repair.limits.per_rung)]
    if not left:
        tried = ", ".join(r.name for r in facts.climbed)
        end = f"the ladder of {kind} failures has no rung left" if rungs else f"there is no ladder of {kind} failures"
        return _person(failure, f"{end} after {tried}" if tried else end)
    limits = repair.limits
    for count, most, what in (
        (facts.on_host, limits.per_host_per_day, "on this host"),
        (facts.in_cluster, limits.per_cluster_per_day, "in this cluster"),
    ):
        if count >= most:
            return _person(failure, f"{count} rung(s) were climbed {what} in 24 hours, and {most} are allowed")
    after = f" after {facts.climbed[-1].name} ({facts.climbed[-1].end or 'under way'})" if facts.climbed else ""
    return NextRung(
        rung=left[0], category=failure.category, reason=f"{left[0]}{after}, for a {kind} failure: {failure.reason}"
    )


def stands_still(repair: Repair, rungs: Sequence[RungRecord], since: Moment, now: Moment) -> str:
    """Why people are told of a repair that came no further for long; empty while it has time. `since`: its beginning.

    All three times by the facts' clock.
    """
    last = max((r.ended or r.began for r in rungs), default=since)
    under_way = next((r for r in rungs if r.rung is not None and r.ended is None), None)
    within = repair.limits.told_after
    if under_way is not None and under_way.rung is Rung.REIMAGE and repair.reimage is not None:
        within += 2 * repair.reimage.limit
    if now - last <= within:
        return ""
    what = f"the rung {under_way.name} has been under way" if under_way is not None else "no next rung was decided"
    return f"{what} for more than {format_duration(within)}"


def try_stands_still(repair: Repair, steps: Sequence[StepRecord], since: Moment, now: Moment) -> str:
    """Why people are told of a person's own try whose last step ended long ago; empty while it has time, or is over.

    `since`: when it was first seen with these steps; both times by the facts' clock.
    """
    within = repair.limits.told_after
    if now - since <= within or any(step.action is StepAction.HAND_OVER for step in steps):
        return ""
    last = f"its last step that ended is {steps[-1].step}" if steps else "none of its steps has ended"
    return f"a person's own try has come no further for more than {format_duration(within)}: {last}"


def _stop(failure: Failure) -> str | None:
    """What sends a failure to a person whatever the ladder has."""
    if failure.barred:
        return "no rung could help"
    if failure.inconclusive:
        return "inconclusive verifications never climb the ladder"
    if failure.severity is Severity.ISOLATE:
        return "the tool says that somebody must look at the host before it returns"
    return None


def _may_follow(rung: Rung, climbed: Sequence[RungRecord], per_rung: int) -> bool:
    """True for a rung above all that were climbed, and for the highest itself until it was climbed often enough."""
    heights = [r.rung.height for r in climbed if r.rung is not None]
    if not heights or rung.height > max(heights):
        return True
    same = [r for r in climbed if r.rung is rung]
    return rung.height == max(heights) and len(same) < per_rung and same[-1].end is not RungEnd.REFUSED


def _person(failure: Failure, why: str) -> NextRung:
    return NextRung(rung=None, category=failure.category, reason=f"{why}: {failure.reason}")


def _weight(finding: Finding) -> tuple[int, int]:
    """Severity first, then hardware before software before performance."""
    return list(Severity).index(finding.severity), -_CATEGORIES.index(finding.category)
