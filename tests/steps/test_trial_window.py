"""Looks at rollouts read every trial once, whichever rollout asks."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.trial_window import TrialWindows
from fleet.models.rollouts import Trial
from store import open_store
from tests.parts.facts import new_facts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def trial(number: float, cluster: str = "east") -> Trial:
    """Of a visit that ended so many hours after NOW."""
    at = NOW + number * HOUR
    return Trial(cluster=cluster, host="gpu001", operation=f"{cluster}/{number}", at=at, versions={"bmc": "1.1"})


class Counting:
    """The store, and how many trials were read of it."""

    def __init__(self, store) -> None:
        self._store, self.read = store, 0

    async def more_trials(self, clusters, since, after=0):
        found, last = await self._store.more_trials(clusters, since, after)
        self.read += len(found)
        return found, last


@pytest.fixture
async def store(tmp_path):
    opened = await open_store(new_facts(tmp_path / "facts.db"))
    yield opened
    await opened.close()


async def hours(windows, rollout="a/1", since=0.0, clusters=("east",)):
    found = await windows.read(rollout, clusters, NOW + since * HOUR)
    return [(t.at - NOW) / HOUR for t in found]


async def test_what_was_read_before_is_not_read_again_and_late_ones_take_their_place(store):
    counting = Counting(store)
    windows = TrialWindows(counting)
    await store.record_trials((trial(1), trial(5), trial(1, "west"), trial(-1)))

    assert [1, 5] == await hours(windows)
    await store.record_trials((trial(3), trial(9)))
    assert [1, 3, 5, 9] == await hours(windows)
    assert [5, 9] == await hours(windows, "b/1", 4)
    assert [1, 3, 5, 9] == await hours(windows)
    assert 4 == counting.read


async def test_who_asks_for_older_ones_reads_anew_and_what_nobody_asks_for_any_more_goes(store):
    counting = Counting(store)
    windows = TrialWindows(counting)
    await store.record_trials(tuple(trial(n) for n in range(5)))

    assert [3, 4] == await hours(windows, "b/1", 3)
    assert [0, 1, 2, 3, 4] == await hours(windows)
    assert 7 == counting.read
    windows.forget("a/1")
    assert [3, 4] == await hours(windows, "b/1", 3)
    assert 7 == counting.read
    assert [1, 2, 3, 4] == await hours(windows, "c/1", 1)
    assert 11 == counting.read
