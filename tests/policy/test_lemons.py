"""Lemons: hosts that fail whatever boards, told from bad luck and from bad versions."""

import pytest
from scipy.stats import poisson

from fleet.policy.lemons import lemons, poisson_tail
from tests.policy.trials import DRIVER, HARDWARE, NIC, NOW, production, trial

DAY = 1440


def fleet(hosts: int = 500, visits: int = 4):
    """A fleet in which one visit of a hundred fails, each on another host."""
    count = hosts * visits
    return [
        trial(f"gpu{n % hosts:03}", failed=n % 100 == 7 and n // hosts == n // 100 % visits, minute=-n)
        for n in range(count)
    ]


def test_a_host_that_fails_under_three_different_versions_is_a_lemon():
    failures = [
        trial("bad", DRIVER, failed=True, minute=-9 * DAY),
        trial("bad", NIC, failed=True, minute=-6 * DAY),
        trial("bad", minute=-3 * DAY, **HARDWARE),
    ]

    found = lemons([*fleet(), *failures], NOW)

    assert ["bad"] == [lemon.host for lemon in found]
    assert (3, 1, 3, 3) == (found[0].failures, found[0].hardware_findings, found[0].visits, len(found[0].under))
    assert "bad failed 3 times (1 by hardware findings) in 3 visits" in found[0].reason
    assert "under 3 different sets of versions" in found[0].reason


def test_failures_under_one_version_only_make_no_lemon():
    failures = [trial("bad", DRIVER, failed=True, minute=-n * DAY) for n in range(5)]

    assert () == lemons([*fleet(), *failures], NOW)


def test_failures_under_a_blamed_version_are_not_the_hosts():
    failures = [trial("bad", *((DRIVER, NIC)[n % 2],), failed=True, minute=-n * DAY) for n in range(4)]

    assert 1 == len(lemons([*fleet(), *failures], NOW))
    assert () == lemons([*fleet(), *failures], NOW, blamed=[DRIVER])


def test_where_every_host_fails_often_none_is_a_lemon():
    trials = [trial(f"gpu{n % 50:02}", *((DRIVER, NIC)[n % 2],), failed=n % 3 > 0, minute=-n) for n in range(500)]

    assert () == lemons(trials, NOW)


def test_failures_in_production_count_and_old_ones_do_not():
    daily = [production(f"gpu{n % 100:03}", minute=-(n // 100) * DAY, failed=n % 700 == 3) for n in range(2000)]
    bad = [production("bad", (DRIVER, NIC)[n % 2], failed=True, minute=-n * DAY) for n in range(4)]
    old = [t.model_copy(update={"host": "was", "at": t.at.replace(year=2025)}) for t in bad]

    assert ["bad"] == [lemon.host for lemon in lemons([*daily, *bad, *old], NOW)]


@pytest.mark.parametrize(("failures", "expected"), [(0, 0.3), (1, 0.01), (3, 0.03), (8, 2.5), (3, 40.0), (12, 0.2)])
def test_the_tail_is_poissons(failures, expected):
    assert float(poisson.sf(failures - 1, expected)) == pytest.approx(poisson_tail(failures, expected), rel=1e-9)
