"""Histories stay short: a host's work in 80 events, and no run near the engine's limits."""

import pytest

from tests.replay.stories import FOLDER, read, read_all


@pytest.mark.parametrize("name", ["host-normal", "host-handed-over", "host-stopped-early", "host-given-back"])
def test_the_work_on_a_host_takes_80_events_at_most(name):
    assert read(FOLDER / f"{name}.json").length <= 80


def test_no_recorded_run_is_longer_than_4000_events():
    assert {} == {s.name: s.length for s in read_all() if s.length > 4000}
