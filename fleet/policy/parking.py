"""When whoever holds a host of an operation's scope counts as parked, and what it is told."""

from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.host import HostSet
from fleet.models.ledger import LeaseHost
from fleet.models.operation_part import Parking
from fleet.policy.sets import Place
from fleet.policy.stopping import MayBegin, Proceed


def parked(because: Parking) -> MayBegin:
    """What a step is told that must not begin: it waits, and asks again."""
    since = because.since.isoformat(sep=" ", timespec="seconds")
    return MayBegin(
        answer=Proceed.HOLD, reason=f"parked for {because.operation}, which works on its scope since {since}"
    )


def not_parked(
    where: Place | None, lease: LeaseHost | None, effect: str | None, since: Moment, now: Moment, fence_life: timedelta
) -> str:
    """Why a host of the scope that the operation did not take is not left alone yet; empty when it is.

    `effect`: a step that was sent to it and is not over. What passed its fence before the parking was written is over
    or sent once a fence's life has passed.
    """
    if where is not None and where[0] is HostSet.UP and lease is None:
        return "it is in production again, in nobody's hands; have it drained, or cancel and submit anew"
    if now - since <= fence_life:
        return "told just now"
    return f"{effect} is under way" if effect is not None else ""
