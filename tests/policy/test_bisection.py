"""Properties of the search for slow hosts, over seeded bad hosts and over fabrics that are slow by themselves."""

import math
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.bisection import BisectionEnd, BisectionStep, GroupRun
from fleet.policy.bisection import next_group

HOSTS = tuple(f"gpu{n:03}" for n in range(1, 33))


def search(hosts: tuple[str, ...], slow: Callable[[frozenset[str]], bool | None], most: int = 200):
    """Run the search to its end; return the last step and the groups run."""
    runs: list[GroupRun] = []
    while (step := next_group(hosts, runs, most)).end is BisectionEnd.GOES_ON:
        group = frozenset(step.run)
        assert len(step.run) >= 2
        assert group <= set(hosts)
        assert group not in {r.hosts for r in runs}
        runs.append(GroupRun(hosts=group, slow=slow(group)))
    return step, runs


def seeded(bad: frozenset[str]) -> Callable[[frozenset[str]], bool]:
    return lambda group: bool(group & bad)


def bound(hosts: int, bad: int) -> int:
    """Runs that suffice: halving until a group is fast, then a search and a look at the rest for each slow host."""
    return 1 + 2 * hosts + bad * (math.ceil(math.log2(hosts)) + 2)


def leaves(count: int) -> int:
    return 1 if count < 4 else leaves(count // 2) + leaves(count - count // 2)


@st.composite
def _seeded_group(draw):
    hosts = HOSTS[: draw(st.integers(3, 32))]
    most = max(1, leaves(len(hosts)) - 1)
    return hosts, frozenset(draw(st.lists(st.sampled_from(hosts), max_size=most, unique=True)))


@settings(max_examples=600, deadline=None)
@given(_seeded_group())
def test_exactly_the_seeded_slow_hosts_are_named_within_the_bound(case):
    hosts, bad = case

    step, runs = search(hosts, seeded(bad))

    assert (BisectionEnd.FOUND if bad else BisectionEnd.CLEAR, tuple(sorted(bad))) == (step.end, step.slow)
    assert len(runs) <= bound(len(hosts), len(bad))


@settings(max_examples=500, deadline=None)
@given(st.integers(2, 32), st.sets(st.integers(0, 31)))
def test_however_many_hosts_are_slow_a_good_one_is_never_named(count, picked):
    hosts = HOSTS[:count]
    bad = frozenset(hosts[i] for i in picked if i < count)

    step, _ = search(hosts, seeded(bad))

    assert set(step.slow) <= bad
    assert step.end in (BisectionEnd.FOUND, BisectionEnd.CLEAR, BisectionEnd.NO_SINGLE_HOST)


@settings(max_examples=500, deadline=None)
@given(st.integers(4, 32), st.integers(3, 32))
def test_a_fabric_that_is_slow_for_large_groups_only_is_nobodys_fault(count, slow_from):
    hosts = HOSTS[: max(count, slow_from)]

    step, _ = search(hosts, lambda group: len(group) >= slow_from)

    assert ((), BisectionEnd.NO_SINGLE_HOST) == (step.slow, step.end)


@settings(max_examples=300, deadline=None)
@given(_seeded_group(), st.randoms(use_true_random=False))
def test_the_order_in_which_hosts_are_given_changes_nothing(case, random):
    hosts, bad = case
    mixed = list(hosts)
    random.shuffle(mixed)

    assert search(hosts, seeded(bad))[0] == search(tuple(mixed), seeded(bad))[0]


@settings(max_examples=300, deadline=None)
@given(_seeded_group(), st.integers(1, 5))
def test_the_runs_allowed_are_never_exceeded_and_then_nobody_is_named(case, most):
    hosts, bad = case

    step, runs = search(hosts, seeded(bad), most)

    assert len(runs) <= most
    assert step.slow == () or step.end is BisectionEnd.FOUND


@settings(max_examples=300, deadline=None)
@given(_seeded_group(), st.integers(0, 6))
def test_a_run_without_a_result_ends_the_search_without_a_name(case, number):
    hosts, bad = case
    asked = iter(range(1000))

    def slow(group: frozenset[str]) -> bool | None:
        return None if next(asked) == number else bool(group & bad)

    step, runs = search(hosts, slow)

    if len(runs) > number:
        assert ((), BisectionEnd.GIVEN_UP) == (step.slow, step.end)


def test_two_hosts_that_are_slow_together_blame_neither_and_the_reason_says_so():
    step, runs = search(("a1", "a2"), lambda group: True)

    assert (
        BisectionStep(
            end=BisectionEnd.NO_SINGLE_HOST,
            reason="every group of a[1-2] is slow, down to 2 hosts: none is a good partner",
        ),
        1,
    ) == (step, len(runs))


def test_one_slow_host_of_three_is_found_by_its_pairs():
    step, _ = search(("a1", "a2", "a3"), seeded(frozenset({"a2"})))

    assert (BisectionEnd.FOUND, ("a2",)) == (step.end, step.slow)
