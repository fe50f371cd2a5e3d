"""How a visit's end counts for its domain: jobs kept it, or something else ended it early and it is due again."""

from collections.abc import Iterable

from fleet.models.base import Decision
from fleet.models.work import EndCause, HostOutcome, Outcome

_OTHERS = (EndCause.STOP, EndCause.YIELD)


class VisitEnding(Decision):
    """What becomes of the visit's domain; with neither flag it is visited."""

    gave_back: bool = False
    """Jobs kept a host: the domain is due again, and one give-back is counted."""
    due_again: bool = False
    """A stop or more urgent work left hosts undone: due again, and not counted."""


def visit_end(outcomes: Iterable[HostOutcome]) -> VisitEnding:
    """Judge a visit by the cause that each outcome carries, whatever stops are in force by now.

    A host given back without a cause was kept by jobs.
    """
    early = [o for o in outcomes if o.outcome in (Outcome.GIVEN_BACK, Outcome.PARTLY_UPGRADED)]
    kept = [o.host for o in early if o.outcome is Outcome.GIVEN_BACK and o.cause in (None, EndCause.JOBS)]
    undone = [o.host for o in early if o.cause in _OTHERS]
    told = [
        f"{len(hosts)} {what}"
        for hosts, what in ((kept, "kept by jobs"), (undone, "ended early by a stop or more urgent work"))
        if hosts
    ]
    return VisitEnding(gave_back=bool(kept), due_again=bool(undone), reason=", ".join(told) or "no host ended early")
