"""How often the gates of held hosts ask whether they may go on: the more there are, the less each."""

from datetime import timedelta

import pytest

from fleet.policy.large_held import asks_again


@pytest.mark.parametrize(("held", "seconds"), [(0, 2), (1, 2), (20, 2), (100, 10), (500, 50), (600, 60), (10_000, 60)])
def test_the_gates_of_all_held_hosts_ask_ten_times_a_second_at_most_and_each_at_least_once_a_minute(held, seconds):
    assert timedelta(seconds=seconds) == asks_again(held)
