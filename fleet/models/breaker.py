"""The breaker that keeps a broken observer from sending a pool to repair."""

from fleet.models.base import Decision, Moment


class Breaker(Decision):
    """State of a pool's breaker: while it is tripped no repair is opened."""

    tripped: bool = False
    since: Moment | None = None
    busy_at: Moment | None = None
    """The last look that brought new losses while there were too many."""
    counts_from: Moment | None = None
    """Losses first seen up to here do not trip it again: it closed on them."""
