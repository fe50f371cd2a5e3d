"""The trials that looks at rollouts read, kept between looks: a look reads those written since, whatever there is.

What is kept is what a look needs anyway, and belongs to nobody: a worker that begins anew reads it once.
"""

import asyncio
from bisect import bisect_left, insort_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from fleet.models.base import Moment
from fleet.models.rollouts import Trial
from fleet.ports.store import Store


@dataclass
class _Window:
    """Trials of some clusters since a moment, oldest first, and the last row that was read."""

    since: Moment
    trials: list[Trial] = field(default_factory=list)
    after: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class TrialWindows:
    """Windows by clusters; several rollouts over the same clusters share one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._windows: dict[tuple[str, ...], _Window] = {}
        self._asked: dict[str, tuple[tuple[str, ...], Moment]] = {}

    async def read(self, rollout: str, clusters: Sequence[str], since: Moment) -> tuple[Trial, ...]:
        """How hosts of these clusters fared since a moment, oldest first, for a look at this rollout."""
        key = tuple(clusters)
        if rollout in self._asked and self._asked[rollout] != (key, since):
            self.forget(rollout)
        self._asked[rollout] = (key, since)
        window = self._windows.get(key)
        if window is None or since < window.since:
            window = self._windows[key] = _Window(since)
        async with window.turn:
            new, window.after = await self._store.more_trials(key, window.since, window.after)
            if not window.trials:
                window.trials = sorted(new, key=_at)
            else:
                for trial in new:
                    insort_right(window.trials, trial, key=_at)
            return tuple(window.trials[bisect_left(window.trials, since, key=_at) :])

    def forget(self, rollout: str) -> None:
        """No look at this rollout follows: what nobody else asks for goes."""
        key, _ = self._asked.pop(rollout, ((), None))
        window = self._windows.get(key)
        if window is None:
            return
        still = [since for other, since in self._asked.values() if other == key]
        if not still:
            del self._windows[key]
        elif min(still) > window.since:
            window.since = min(still)
            del window.trials[: bisect_left(window.trials, window.since, key=_at)]


def _at(trial: Trial) -> Moment:
    return trial.at
