"""What blame says of typical rollouts: a bad version, bad hosts, one hardware model, slow burns, versions together."""

import pytest

from fleet.models.blame import BlameVerdict, HostRecord
from fleet.models.blame_state import BlameState
from fleet.models.verification import Category, Verdict
from fleet.policy.blame import judge
from tests.policy.trials import DRIVER, HARDWARE, NIC, history, production, trial


def watch(suspects, trials, state=None):
    """Judge after every trial, and stop at the first blame."""
    blame = judge(suspects, history(), state)
    for number, one in enumerate(trials, start=1):
        blame = judge(suspects, [one], blame.state)
        if blame.verdict is BlameVerdict.VERSION:
            return blame, number
    return blame, None


def test_a_version_that_fails_every_fifth_host_is_blamed_with_its_numbers():
    hosts = (trial(f"gpu{n:03}", DRIVER, failed=n % 5 == 4, minute=n) for n in range(60))

    blame, after = watch([DRIVER], hosts)

    assert (BlameVerdict.VERSION, DRIVER, ()) == (blame.verdict, blame.suspect, blame.hardware)
    assert 20 == after
    assert "gpu-driver 560.1 is to blame on every hardware model: 4 failures in 20 visits (20.00%)" in blame.reason
    assert "at most 0.01 of rollouts" in blame.reason


def test_a_version_that_fails_as_often_as_the_others_is_acquitted():
    hosts = [trial(f"gpu{n:03}", DRIVER, failed=n % 100 == 33, minute=n) for n in range(200)]
    others = [trial(f"new{n:04}", failed=n % 100 == 50, minute=n / 10) for n in range(2000)]

    blame = judge([DRIVER], [*history(4000), *hosts, *others])

    assert BlameVerdict.HOST == blame.verdict
    assert "the usual rate explain" in blame.reason
    assert blame.evidence[0].odds < 1


def test_nothing_is_said_without_a_failure():
    blame = judge([DRIVER], [*history(), trial("gpu1", DRIVER)])

    assert BlameVerdict.NOT_ENOUGH == blame.verdict
    assert "no failure counts against it" in blame.reason


def test_hosts_that_fail_by_their_hardware_are_to_blame_themselves():
    hosts = [trial(f"gpu{n:03}", DRIVER, minute=n, **HARDWARE) for n in range(30)]

    blame = judge([DRIVER], [*history(), *hosts])

    assert BlameVerdict.HOST == blame.verdict
    assert "30 failed by their hardware" in blame.reason
    assert (1.0, 30) == (round(blame.evidence[0].odds, 9), blame.evidence[0].hardware_findings)


def test_hosts_with_a_bad_record_are_to_blame_where_others_would_convict_the_version():
    def odds(record: HostRecord):
        hosts = [trial(f"gpu{n}", DRIVER, failed=True, minute=n, record=record) for n in range(4)]
        blame = judge([DRIVER], [*history(), *hosts])
        return blame.verdict, blame.evidence[0].odds

    bad, clean = odds(HostRecord(visits=10, failures=6)), odds(HostRecord(visits=10))

    assert (BlameVerdict.HOST, BlameVerdict.VERSION) == (bad[0], clean[0])
    assert bad[1] * 10 < clean[1]


def test_a_host_speaks_once_against_a_version_however_often_it_fails():
    first = judge([DRIVER], [*history(), trial("gpu1", DRIVER, failed=True)])

    again = judge([DRIVER], [trial("gpu1", DRIVER, failed=True, minute=n) for n in range(1, 20)], first.state)

    assert first.evidence[0].odds == again.evidence[0].odds


def test_a_version_that_is_bad_on_one_hardware_model_is_blamed_there_only():
    state = BlameState(declared=("h100", "h200"))
    old = [*history(), *history(hardware="h200")]
    hosts = [
        trial(f"gpu{n:03}", DRIVER, failed=n % 8 == 7, minute=n, hardware=("h200", "h100")[n % 2]) for n in range(60)
    ]

    blame = judge([DRIVER], [*old, *hosts], state)

    assert (BlameVerdict.VERSION, ("h100",)) == (blame.verdict, blame.hardware)
    assert "but not on h200: 0 failures in 30 visits" in blame.reason


def test_a_blame_on_one_model_grows_when_the_other_convicts_it_too():
    state = BlameState(declared=("h100", "h200"))
    old = [*history(), *history(hardware="h200")]
    first = [
        trial(f"gpu{n:03}", DRIVER, failed=n % 8 == 7, minute=n, hardware=("h200", "h100")[n % 2]) for n in range(60)
    ]
    blame = judge([DRIVER], [*old, *first], state)

    more = [trial(f"new{n}", DRIVER, failed=n > 1, minute=100 + n, hardware="h200") for n in range(10)]
    after = judge([DRIVER], more, blame.state)

    assert (("h100",), ()) == (blame.hardware, after.hardware)


def test_a_version_that_fails_in_production_after_good_visits_is_blamed():
    suspects, blame = [DRIVER], judge([DRIVER], history())
    visits = [trial(f"gpu{n:02}", DRIVER, minute=n) for n in range(40)]
    blame = judge(suspects, visits, blame.state)
    for day in range(1, 8):
        with_it = [production(f"gpu{n:02}", DRIVER, minute=1440 * day, failed=n == day) for n in range(day - 1, 40)]
        without = [production(f"old{n:04}", minute=1440 * day, failed=n == day) for n in range(800)]
        blame = judge(suspects, [*with_it, *without], blame.state)

    assert BlameVerdict.VERSION == blame.verdict
    assert "7 failures in 253 days in production" in blame.reason


def test_two_versions_that_always_board_together_are_to_be_boarded_apart():
    hosts = [trial(f"gpu{n:02}", DRIVER, NIC, failed=n % 4 == 3, minute=n) for n in range(12)]

    blame = judge([DRIVER, NIC], [*history(), *hosts])

    assert (BlameVerdict.NOT_ENOUGH, None) == (blame.verdict, blame.suspect)
    assert (DRIVER, NIC) == blame.board_apart
    assert "gpu-driver 560.1 and nic-firmware 28.4 must be boarded apart" in blame.reason


def test_boarded_apart_the_bad_one_is_blamed_and_the_good_one_is_not():
    together = [trial(f"gpu{n:02}", DRIVER, NIC, failed=n % 4 == 3, minute=n) for n in range(12)]
    blame = judge([DRIVER, NIC], [*history(), *together])

    apart = [trial(f"new{n:02}", (DRIVER, NIC)[n % 2], failed=n % 8 == 5, minute=20 + n) for n in range(60)]
    blame = judge([DRIVER, NIC], apart, blame.state)

    assert (BlameVerdict.VERSION, NIC, ()) == (blame.verdict, blame.suspect, blame.board_apart)
    assert [False, True] == [e.blamed for e in blame.evidence if len(e.suspects) == 1]


def test_one_version_is_told_from_another_that_some_of_the_control_carries():
    """Hosts with both fail as often as hosts with the other alone: nothing speaks against the first."""
    both = [trial(f"gpu{n:03}", DRIVER, NIC, failed=n % 4 == 3, minute=n) for n in range(60)]
    other = [trial(f"new{n:03}", NIC, failed=n % 4 == 3, minute=n / 5) for n in range(300)]

    blame = judge([DRIVER, NIC], [*history(4000), *both, *other])

    assert NIC == blame.suspect
    assert blame.evidence[0].odds < 1


def test_an_offboarded_version_beside_is_no_suspect_and_no_excuse():
    hosts = [trial(f"gpu{n:02}", DRIVER, NIC, failed=n % 4 == 3, minute=n) for n in range(40)]

    blame = judge([DRIVER], [*history(), *hosts], beside=[NIC])

    assert BlameVerdict.NOT_ENOUGH == blame.verdict
    assert 1.0 == blame.evidence[0].odds


def test_without_any_control_only_failures_beyond_every_healthy_pool_convict():
    def after(every: int):
        hosts = (trial(f"gpu{n:03}", DRIVER, failed=n % every == 0, minute=n) for n in range(60))
        blame = judge([DRIVER], [])
        for number, one in enumerate(hosts, start=1):
            blame = judge([DRIVER], [one], blame.state)
            if blame.verdict is BlameVerdict.VERSION:
                return number
        return None

    assert (4, None) == (after(1), after(20))


def test_old_control_is_forgotten():
    long_ago = [t.model_copy(update={"at": t.at.replace(year=2025)}) for t in history()]

    blame = judge([DRIVER], [*long_ago, trial("gpu1", DRIVER)])

    assert [0.0] == [c.controls for c in blame.evidence[0].compared]


def test_a_state_survives_json():
    blame = judge([DRIVER], [*history(), trial("gpu1", DRIVER, failed=True)])

    assert blame.state == BlameState.model_validate_json(blame.state.model_dump_json())


def test_the_state_of_a_large_fleet_stays_small():
    state = judge([DRIVER], history(30_000)).state
    blame = judge([DRIVER], [trial(f"gpu{n:04}", DRIVER, minute=n) for n in range(200)], state)

    assert len(blame.state.model_dump_json()) < 150_000


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
def test_days_of_a_visit_are_refused(verdict):
    with pytest.raises(ValueError, match="expected days only for a trial in production"):
        trial("gpu1", verdict=verdict, days=2.0)


def test_failures_of_jobs_count_against_control_and_never_against_the_bound_for_want_of_it():
    failed = {"failed": True, "category": Category.JOB}
    hosts = [production(f"gpu{n:03}", DRIVER, minute=n, **failed) for n in range(40)]
    others = [production(f"old{n:04}", minute=-1) for n in range(2000)]

    alone, beside = judge([DRIVER], hosts), judge([DRIVER], [*others, *hosts])

    assert (BlameVerdict.VERSION, True) == (beside.verdict, alone.verdict is not BlameVerdict.VERSION)
    assert alone.evidence[0].odds < 1
