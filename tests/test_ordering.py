"""The order of test files loses none, and begins with one that waits."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.ordering import spread

NAMES = st.lists(
    st.tuples(st.sampled_from(["policy", "scenarios", "demos", "store"]), st.integers(0, 99)), unique=True, max_size=60
)


@given(NAMES)
def test_every_file_is_there_once(names):
    files = [Path(folder, f"test_{number}.py") for folder, number in names]

    assert sorted(files) == sorted(spread(files))


def test_files_that_wait_come_early_and_apart():
    computing = [Path("policy", f"test_{number}.py") for number in range(8)]
    waiting = [Path("scenarios", "test_a.py"), Path("scenarios", "test_b.py")]

    found = spread([*computing, *waiting])

    assert [0, 4] == [found.index(file) for file in waiting]
    assert computing == [file for file in found if file in computing]
