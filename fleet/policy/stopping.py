"""May a disruptive deed begin under the stops in force? Asked just before each drain, flash, reboot and power step.

A stop lets work end in order, a freeze holds everything that would disrupt, and neither keeps a verified host out.
"""

from collections.abc import Sequence
from enum import StrEnum

from fleet.models.base import Decision
from fleet.models.stop import Stop, StopKind


class Deed(StrEnum):
    """What is about to begin."""

    GRANT = "grant"
    DRAIN = "drain"
    DISRUPT = "disrupt"
    """Apply, reboot, power."""
    RETURN = "return"


class Proceed(StrEnum):
    """What to do about it."""

    GO = "go"
    END_HERE = "end_here"
    """This is a safe point: verify and return what there is, begin nothing more."""
    HOLD = "hold"
    """Wait, and ask again."""


class MayBegin(Decision):
    """Whether a deed may begin."""

    answer: Proceed


def may_begin(
    stops: Sequence[Stop],
    cluster: str,
    pool: str,
    deed: Deed,
    *,
    repair: bool,
    safe_point: bool,
    moved_to: str | None = None,
) -> MayBegin:
    """Answer for one deed on a host of that pool, which a load may have `moved_to` another since the work on it began:
    who stops either means this host.

    `repair`: the host is in repair. `safe_point`: what is done so far may stay as it is.
    """
    pools = [pool] if moved_to is None else [pool, moved_to]
    covering = [s for s in stops if any(s.covers(cluster, its) for its in pools)]
    if deed is Deed.RETURN or not covering:
        why = "a return is never stopped" if covering else "no stop is in force"
        return MayBegin(answer=Proceed.GO, reason=why)
    freeze = earliest(covering, StopKind.FREEZE)
    if freeze is not None:
        mid_way = deed is Deed.DISRUPT and not safe_point
        return MayBegin(answer=Proceed.HOLD if repair or mid_way else Proceed.END_HERE, reason=in_words(freeze))
    stop = covering[0]
    if repair:
        return MayBegin(answer=Proceed.GO, reason=f"repair goes on; {in_words(stop)}")
    if deed is Deed.DISRUPT and not safe_point:
        return MayBegin(answer=Proceed.GO, reason=f"no safe point here, finishing; {in_words(stop)}")
    return MayBegin(answer=Proceed.END_HERE, reason=in_words(stop))


def earliest(stops: Sequence[Stop], kind: StopKind) -> Stop | None:
    """The first stop of that kind to have come into force, or None."""
    return min((s for s in stops if s.kind is kind), key=lambda s: s.at, default=None)


def in_words(stop: Stop) -> str:
    """Scope, actor, reason and age of a stop, for everything that waits for it."""
    since = stop.at.isoformat(sep=" ", timespec="seconds")
    return f"{stop.kind} of {stop.scope} by {stop.actor} since {since}: {stop.reason}"
