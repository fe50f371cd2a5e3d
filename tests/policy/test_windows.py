"""When planned work may begin: windows by the wall clock, through the days on which the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.models.ledger import RequestClass, WaitKind
from fleet.models.train import DomainState, StopAction
from fleet.models.windows import Weekday, Window
from fleet.policy.grants import settle
from fleet.policy.next_stop import next_stop
from fleet.policy.windows import begin, closing, ended, problems, spans
from tests.policy.make import NOW, facts, names, pool, request
from tests.policy.test_next_stop import cycle, domain, train

HOUR = timedelta(hours=1)


def at(text) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(opens, closes, zone="Europe/Berlin", **days) -> Window:
    return Window(opens=opens, closes=closes, zone=zone, **days)


def opened(windows, since, until):
    return [(f"{s.opens:%d %H:%M}", f"{s.closes:%d %H:%M}") for s in spans(windows, at(since), at(until))]


NIGHT = window("22:00", "06:00")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-28", ("28 21:00", "29 04:00")),  # seven hours
        ("2026-10-24", ("24 20:00", "25 05:00")),  # nine
        ("2026-06-10", ("10 20:00", "11 04:00")),
    ],
    ids=["an hour is skipped", "an hour is doubled", "summer"],
)
def test_a_window_through_the_night_of_the_shift_is_as_long_as_that_night(day, expected):
    assert expected in opened([NIGHT], f"{day} 12:00", f"{day} 23:00")


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        ("02:30", "05:00", ("29 01:00", "29 03:00")),
        ("01:00", "02:30", ("29 00:00", "29 01:00")),
        ("02:10", "02:40", None),
    ],
    ids=["opens in it", "closes in it", "lies in it"],
)
def test_what_lies_in_the_skipped_hour_opens_or_closes_when_the_clocks_jump(opens, closes, expected):
    found = opened([window(opens, closes)], "2026-03-29 00:00", "2026-03-29 12:00")

    assert ([expected] if expected else []) == [span for span in found if span[0].startswith("29")]


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        ("02:10", "02:40", ("25 00:10", "25 00:40")),
        ("02:30", "05:00", ("25 00:30", "25 04:00")),
        ("01:00", "02:30", ("24 23:00", "25 00:30")),
    ],
    ids=["lies in it", "opens in it", "closes in it"],
)
def test_of_a_doubled_hour_the_first_one_counts_and_only_once(opens, closes, expected):
    found = opened([window(opens, closes)], "2026-10-24 22:30", "2026-10-25 12:00")

    assert [expected] == [span for span in found if span == expected or span[0].startswith("25 0")]


def test_what_opens_later_on_the_last_day_lies_beyond():
    """For who counts open time up to a moment it would be less than none."""
    assert [("10 20:00", "11 04:00")] == opened([NIGHT], "2026-06-10 12:00", "2026-06-11 12:00")


def test_windows_that_touch_are_one():
    weekend = window("00:00", "24:00", zone="UTC", days=(Weekday.SATURDAY, Weekday.SUNDAY))

    assert [("07 00:00", "09 00:00")] == opened([weekend], "2026-03-04 00:00", "2026-03-10 00:00")
    assert at("2026-03-09 00:00") == closing([weekend], at("2026-03-08 13:00"))
    assert closing([weekend], at("2026-03-09 00:00")) is None


@pytest.mark.parametrize(
    ("moment", "hours", "expected"),
    [
        ("2026-03-02 23:00", 2, "2026-03-02 23:00"),
        ("2026-03-02 23:00", 8, "2026-03-03 22:00"),
        ("2026-03-02 12:00", 8, "2026-03-02 22:00"),
        ("2026-03-02 12:00", 9, None),
    ],
    ids=["open, and it fits", "too little is left", "not open yet", "never long enough"],
)
def test_work_begins_where_it_fits(moment, hours, expected):
    found = begin([window("22:00", "06:00", zone="UTC")], at(moment), hours * HOUR)

    assert (at(expected) if expected else None) == found


def test_a_pool_without_windows_is_always_open():
    assert (NOW, NOW + 3 * HOUR) == (begin([], NOW, 99 * HOUR), ended([], NOW, 3, HOUR, HOUR))


def test_visits_are_counted_in_windows_only():
    night = [window("22:00", "02:00", zone="UTC")]

    # Two hours must be left for one to begin: at 22, 23 and 0 o'clock, then in the next night.
    assert at("2026-03-03 00:00") + HOUR == ended(night, at("2026-03-02 12:00"), 3, HOUR, 2 * HOUR)
    assert at("2026-03-03 22:00") + HOUR == ended(night, at("2026-03-02 12:00"), 4, HOUR, 2 * HOUR)
    assert ended(night, at("2026-03-02 12:00"), 1, HOUR, 5 * HOUR) is None


def test_a_visit_that_lasts_into_the_next_window_holds_that_one_up():
    night = [window("22:00", "02:00", zone="UTC")]

    # 26 hours each, and two must be left: at 22 o'clock, at midnight, and not at 2 in the night after.
    found = [ended(night, at("2026-03-02 12:00"), visits, 26 * HOUR, 2 * HOUR) for visits in (1, 2, 3)]
    assert [at("2026-03-04 00:00"), at("2026-03-05 02:00"), at("2026-03-07 00:00")] == found


starts = st.integers(0, 23).map(lambda hour: f"{hour:02}:00")
windows_of_a_week = st.lists(
    st.builds(
        window,
        starts,
        starts,
        zone=st.just("Asia/Kolkata"),
        days=st.sets(st.sampled_from(Weekday), min_size=1).map(tuple),
    ),
    min_size=1,
    max_size=3,
)


def is_open(windows, moment) -> bool:
    """By the clock on the wall, hour for hour."""
    local = moment + timedelta(hours=5, minutes=30)
    for one in windows:
        for back in range(0, 24):
            began = local - timedelta(hours=back)
            if f"{began:%H:%M}" == one.opens and list(Weekday)[began.weekday()] in one.days and back * 60 < one.minutes:
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(windows_of_a_week, st.integers(0, 167), st.integers(1, 30))
def test_work_begins_at_the_first_hour_from_which_on_all_its_hours_are_open(windows, start, hours):
    first = at("2026-03-01 18:30") + start * HOUR  # midnight in Kolkata
    fits = (
        first + n * HOUR for n in range(24 * 8) if all(is_open(windows, first + (n + k) * HOUR) for k in range(hours))
    )

    assert next(fits, None) == begin(windows, first, hours * HOUR)


@pytest.mark.parametrize("wrong", [{"zone": "Mars/Olympus"}, {"opens": "24:00"}, {"closes": "25:00"}, {"days": ()}])
def test_a_window_that_no_clock_shows_is_refused(wrong):
    with pytest.raises(ValidationError):
        Window(**{"opens": "22:00", "closes": "06:00", **wrong})


def test_a_window_in_which_no_visit_could_begin_is_told_with_what_it_takes():
    short, long = window("22:00", "23:00"), window("22:00", "06:00", zone="UTC")

    assert [
        (
            0,
            "expected at least 1h20m, the drain deadline, the visit budget and 10m to begin in; "
            "daily 22:00-23:00 Europe/Berlin is 1h00m long",
        )
    ] == list(problems(pool(windows=(short, long))))


def test_in_the_shortest_window_that_is_accepted_a_train_that_always_looks_a_little_late_begins():
    shortest = next(
        one
        for one in (window("22:00", f"23:{minute:02}", zone="UTC") for minute in range(60))
        if not list(problems(pool(windows=(one,))))
    )
    now, of, late = NOW, cycle(domain(1), domain(2)), timedelta(seconds=90)
    for _ in range(6):  # of looks: it tells the jobs, waits for the window, and goes
        stop = next_stop(train(of, now=now, pool=pool(windows=(shortest,), notice=timedelta(minutes=30))))
        if stop.action is StopAction.NOTICE:
            of = cycle(domain(1, DomainState.NOTICED, noticed_at=now), domain(2))
        elif stop.action is StopAction.VISIT:
            break
        else:
            now = stop.until + late
    assert (StopAction.VISIT, 1) == (stop.action, now.day)


def test_two_short_windows_that_touch_are_long_enough():
    assert [] == list(problems(pool(windows=(window("22:00", "23:00"), window("23:00", "00:00")))))


CLOSED = window("22:00", "06:00", zone="UTC")  # NOW is a Sunday's noon
CLOSING = window("08:00", "12:30", zone="UTC")


@pytest.mark.parametrize("kind", [RequestClass.TRAIN, RequestClass.ROLLBACK, RequestClass.AD_HOC])
def test_planned_work_waits_for_the_next_window_and_says_when_it_opens(kind):
    ask = request("r", names(1), kind, expected_seconds=3600)
    waits = settle(facts(pools=[pool(windows=(CLOSED,))], requests=[ask])).waits

    assert [WaitKind.WINDOW] == [w.kind for w in waits]
    assert "outside pool gpu-train's windows; the next one opens at Sun 2026-03-01 22:00 UTC" == waits[0].reason


def test_what_does_not_fit_into_the_rest_of_a_window_waits_for_the_next():
    def decided(seconds):
        ask = request("r", names(1), expected_seconds=seconds)
        return settle(facts(pools=[pool(windows=(CLOSING,))], requests=[ask]))

    assert ["r"] == [g.request for g in decided(1800).grants]
    told = "pool gpu-train's window closes at Sun 2026-03-01 12:30 UTC, too early for 1h00m"
    assert [f"{told}; the next one opens at Mon 2026-03-02 08:00 UTC"] == [w.reason for w in decided(3600).waits]


def test_emergencies_and_repairs_begin_at_any_time():
    down = {"gpu002": facts(hosts=None).observation.hosts["gpu002"].model_copy(update={"node": None})}
    asks = [request("e", ["gpu001"], RequestClass.EMERGENCY), request("r", ["gpu002"], RequestClass.REPAIR)]
    decided = settle(facts(pools=[pool(windows=(CLOSED,))], requests=asks, nodes=down))

    assert ["e", "r"] == sorted(g.request for g in decided.grants)


def train_in(windows, state=DomainState.DUE, due_days=9):
    told = NOW - timedelta(minutes=40) if state is DomainState.NOTICED else None
    of = cycle(*(domain(n, state, noticed_at=told) for n in (1, 2)), due_at=NOW + timedelta(days=due_days))
    return next_stop(train(of, pool=pool(windows=windows, notice=timedelta(minutes=30))))


def test_a_train_tells_the_jobs_so_that_their_time_is_over_when_the_window_opens():
    stop = train_in((CLOSED,))

    assert (StopAction.WAIT, at("2026-03-01 21:30")) == (stop.action, stop.until)
    assert "the next one opens at Sun 2026-03-01 22:00 UTC" in stop.reason


def test_a_train_whose_jobs_were_told_does_not_begin_outside_a_window():
    stop = train_in((CLOSED,), DomainState.NOTICED)

    assert (StopAction.WAIT, at("2026-03-01 22:00")) == (stop.action, stop.until)
    assert StopAction.VISIT is train_in((window("10:00", "20:00", zone="UTC"),), DomainState.NOTICED).action


def test_a_train_says_in_advance_that_its_windows_leave_it_too_little_time():
    sunday = (window("10:00", "12:40", zone="UTC", days=(Weekday.SUNDAY,)),)

    assert train_in((), due_days=6).at_risk == ""
    assert "2 domains left at 1h each, begun in the pool's windows, end 2d" in train_in(sunday, due_days=5).at_risk
    assert "no room" in train_in((window("10:00", "10:30", zone="UTC"),)).at_risk


@settings(max_examples=60, deadline=None)
@given(windows_of_a_week, st.integers(0, 167), st.integers(1, 8), st.integers(1, 60), st.integers(1, 6))
def test_visits_one_after_the_other_end_when_each_begins_as_soon_as_it_may(windows, start, visits, each, need):
    first = moment = at("2026-03-01 18:30") + start * HOUR
    for _ in range(visits):
        begins = begin(windows, moment, need * HOUR)
        if begins is None:
            moment = None
            break
        moment = begins + each * HOUR

    assert moment == ended(windows, first, visits, each * HOUR, need * HOUR)
