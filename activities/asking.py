"""A visit's request for its hosts: filed, found as it stands, taken back."""

from activities.deps import Deps
from fleet import ids
from fleet.errors import StaleAttempt
from fleet.models.ledger import Request, RequestState
from fleet.models.messages import VisitAsked


def as_asked(number: int, request: Request) -> VisitAsked:
    """A request as its visit is told of it."""
    return VisitAsked(
        ask=number,
        request=request.id,
        granted=request.state is RequestState.GRANTED,
        hosts=request.hosts,
        reason=request.waits_because,
    )


async def filed(deps: Deps, number: int, request: Request) -> VisitAsked:
    """File it under the first number, from this one on, whose request has not ended, with the age of those that have:
    whoever took one back may have died before they asked anew. Nothing is filed for a visit that is over, by one who
    stood still: its hosts would be leased to nobody, and go to repair for that.
    """
    while True:
        numbered = request.model_copy(update={"id": ids.request(request.holder, number)})
        try:
            found = await deps.store.request(numbered, unless_over=True)
        except StaleAttempt as over:
            return VisitAsked(ask=number, request="", granted=False, reason=str(over))
        if found.state is not RequestState.ENDED:
            return as_asked(number, found)
        request = request.model_copy(update={"asked_at": min(request.asked_at, found.asked_at)})
        number += 1


async def taken_back(deps: Deps, waiting: Request, why: str) -> Request | None:
    """Withdraw a request that waits. One that was granted since it was read is left alone, and returned as it stands:
    its visit begins on it, or has begun long since if whoever read it stood still.
    """
    await deps.store.withdraw(waiting.id, why, await deps.clock(), unless_granted=True)
    stands = await deps.store.request(waiting)
    return stands if stands.state is RequestState.GRANTED else None


async def take_back_the_rest(deps: Deps, visit: str) -> None:
    """What was asked for in the name of a visit that is over now, by one who stood still, goes to nobody. Read by its
    holder: every visit ends here, and the facts of a whole cluster would cost each of them more than all the rest.
    """
    for request in await deps.store.operation_requests(visit):
        if request.acknowledged_at is None:
            await deps.store.withdraw(request.id, f"{visit} is over", await deps.clock())
