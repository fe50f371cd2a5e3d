"""Of very many some are seen to now, and every one in its turn."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.policy.turns import in_turn
from tests.policy.make import NOW, ago

EVERY = timedelta(seconds=5)


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9))
def test_each_has_its_turn_and_never_too_many_at_once(waiting, most):
    turns = [in_turn(waiting, most, ago(seconds=-5 * n), EVERY) for n in range(40)]
    assert all(len(turn) <= most for turn in turns)
    assert set(waiting) == {one for turn in turns for one in turn}


def test_where_there_are_few_it_is_everybodys_turn():
    assert ("a", "b") == in_turn(["a", "b"], 2, NOW, EVERY)
