"""Time in small: what is kept of the moments in the facts is all that a policy can tell of them.

Every transaction happens at `NOW`; afterwards each moment is put back into its tick, in its order. All of the pools'
lengths of time are one tick, so that two are enough: younger than a tick, and older.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=100)
LONG_AGO = NOW - timedelta(days=1)
LATELY = NOW - timedelta(milliseconds=500)
"""After every look that was written down, and before every one that is to come."""
_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


def read(text: str) -> datetime:
    """A moment as SQLite keeps it."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def write(moment: datetime) -> str:
    return moment.strftime(_FORMAT)


def in_order(moments: Iterable[datetime], passed: timedelta = timedelta(0)) -> dict[datetime, datetime]:
    """Where each of these moments is put when so much time has passed: their order stays, and their tick."""
    found: dict[datetime, datetime] = {}
    ranks = [0, 0]
    for moment in sorted(set(moments), reverse=True):
        tick = min(1, (NOW - moment + passed) // TICK)
        ranks[tick] += 1
        found[moment] = NOW - tick * TICK - timedelta(seconds=ranks[tick])
    return found
