"""Which of very many are seen to now, and which later: an engine takes so many signals or activities at once, and an
answer only so much. None is left out for good, whatever becomes of the others.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from fleet.models.base import Moment

T = TypeVar("T")


def in_turn(waiting: Sequence[T], most: int, now: Moment, every: timedelta) -> tuple[T, ...]:
    """All of them, or those whose turn it is: every so long it is that of the next ones."""
    if len(waiting) <= most:
        return tuple(waiting)
    turns = -(-len(waiting) // most)
    turn = int(now.timestamp() // every.total_seconds()) % turns
    return tuple(waiting[turn * most : (turn + 1) * most])
