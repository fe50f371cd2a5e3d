"""A report says what was noted: hours sum up, the lowest is the lowest, what was not observed counts as neither."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.host import HostSet
from fleet.models.observation import SetCounts
from fleet.models.report import CycleTimes, HostOut, Interruption, PoolSpan, ReportFacts
from fleet.policy.report import cause_of, clipped, host_hours, hours, lowest, points, pool_report
from fleet.policy.thinning import thinned

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes):
    return BEGIN + timedelta(minutes=minutes)


def span(begin, end, up=10, planned=0, failed=0, floor=6, **more):
    counts = SetCounts(up=up, planned=planned, failed=failed)
    causes = {name: n for name, n in (("maintenance", planned), ("repair", failed)) if n}
    values = {"planned_buffer": 2, "failure_buffer": 2, "floor": floor, "causes": causes, **more}
    return PoolSpan(since=at(begin), until=at(end), counts=counts, **values)


def facts(*spans, end=600, **more):
    return ReportFacts(cluster="c1", begin=BEGIN, end=at(end), members=10, spans={"gpu": spans}, **more)


@st.composite
def histories(draw):
    """Spans of a pool of ten, one after another, with times that nobody observed between some."""
    spans, minute = [], 0
    for _ in range(draw(st.integers(0, 25))):
        minute += draw(st.sampled_from([0, 0, 0, 17]))
        length = draw(st.integers(1, 90))
        planned, failed = draw(st.integers(0, 4)), draw(st.integers(0, 4))
        flags = {"seen": draw(st.booleans()), "overridden": draw(st.integers(0, 3)) == 0}
        spans.append(span(minute, minute + length, 10 - planned - failed, planned, failed, **flags))
        minute += length
    return tuple(spans)


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(1, 3000))
def test_hours_sum_up_and_never_exceed_the_time(spans, end):
    told = pool_report(facts(*spans, end=end), "gpu")
    inside = [s for s in clipped(spans, BEGIN, at(end)) if s.seen]

    assert told.observed_hours + told.unobserved_hours <= end / 60 + 1e-9
    assert abs(told.observed_hours - hours(inside)) < 1e-9
    assert told.hours_under_floor_overridden <= told.hours_under_floor <= told.observed_hours
    assert told.hours_over_buffer <= told.observed_hours
    assert abs(sum(host_hours(inside).values()) - sum((10 - s.counts.up) * hours([s]) for s in inside)) < 1e-6
    if told.kept:
        assert 0 == told.hours_under_floor - told.hours_under_floor_overridden == told.hours_over_buffer


@settings(max_examples=80, deadline=None)
@given(histories())
def test_the_lowest_is_the_lowest_of_what_was_observed(spans):
    told = pool_report(facts(*spans, end=5000), "gpu").lowest
    seen = [s.counts.up for s in spans if s.seen]

    assert (min(seen) if seen else None) == (told.up if told else None)
    assert told is None or sum(told.causes.values()) == told.members - told.up


@settings(max_examples=80, deadline=None)
@given(histories())
def test_thinning_keeps_every_promise_and_the_lowest(spans):
    fewer = thinned(spans)
    before, after = (pool_report(facts(*s, end=5000), "gpu") for s in (spans, fewer))

    assert len(fewer) <= len(spans)
    for name in ("observed_hours", "unobserved_hours", "hours_under_floor", "hours_over_buffer"):
        assert abs(getattr(before, name) - getattr(after, name)) < 1e-9
    assert abs(before.hours_at_failure_buffer - after.hours_at_failure_buffer) < 1e-9
    assert (before.lowest.up if before.lowest else None) == (after.lowest.up if after.lowest else None)
    assert fewer == thinned(fewer)


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 40))
def test_the_picture_shows_the_worst_and_nothing_where_nothing_is_known(spans, count):
    shown = points(spans, BEGIN, at(3000), count)

    assert (min((s.counts.up for s in spans), default=None)) == min((p.up for p in shown), default=None)
    for point in shown:
        assert any(s.since < point.until and s.until > point.at for s in spans)
        assert 10 == point.up + point.planned + point.failed + point.others


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-50, 600), st.integers(1, 300), st.sampled_from("xy"))))
def test_hours_out_by_host_and_by_cause_are_the_same_hours(times):
    outs = tuple(HostOut(host=h, pool="gpu", cause=c, since=at(s), until=at(s + n)) for h, s, n, c in times)
    told = pool_report(facts(span(0, 600), outs=outs), "gpu")

    assert abs(sum(told.out_host_hours.values()) - sum(h.hours for h in told.hosts)) < 1e-6
    assert sorted((h.hours for h in told.hosts), reverse=True) == [h.hours for h in told.hosts]


def test_a_pool_that_kept_its_promises_says_so():
    told = pool_report(facts(span(0, 300, up=8, planned=2), span(300, 600)), "gpu")

    assert (True, "kept throughout the 10.0 h observed") == (told.kept, told.reason)
    assert (8, at(0), {"maintenance": 2}) == (told.lowest.up, told.lowest.at, told.lowest.causes)


def test_a_broken_floor_is_told_with_its_causes():
    told = pool_report(facts(span(0, 30, up=5, planned=1, failed=4), span(30, 600)), "gpu")

    assert not told.kept
    assert "0.5 h under the floor (repair, maintenance)" == told.reason
    assert {"repair": 2.0, "maintenance": 0.5} == told.under_floor_host_hours


def test_what_an_audited_override_allowed_breaks_no_promise_and_is_told():
    told = pool_report(facts(span(0, 60, up=2, planned=8, overridden=True), span(60, 600)), "gpu")

    assert (True, 1.0, 1.0, 0.0) == (
        told.kept,
        told.hours_under_floor,
        told.hours_under_floor_overridden,
        told.hours_over_buffer,
    )


def test_more_out_by_plan_than_promised_is_never_kept():
    told = pool_report(facts(span(0, 6, up=7, planned=3), span(6, 600)), "gpu")

    assert (False, "0.1 h over the planned buffer") == (told.kept, told.reason)


def test_time_that_was_not_observed_counts_as_neither():
    told = pool_report(facts(span(0, 60), span(180, 240, up=3, failed=7, seen=False), span(240, 300)), "gpu")

    assert (2.0, 8.0, 0.0, 10) == (
        told.observed_hours,
        told.unobserved_hours,
        told.hours_under_floor,
        told.lowest.up,
    )


def test_a_pool_that_nobody_looked_at_claims_nothing():
    told = pool_report(facts(), "gpu")

    assert ("nothing was observed", None, 0.0) == (told.reason, told.lowest, told.unobserved_hours)


def test_cycles_are_on_time_late_under_way_or_overdue():
    def cycle(number, due, closed=None):
        return CycleTimes(
            pool="gpu",
            number=number,
            opened_at=at(0),
            due_at=at(due),
            closed_at=None if closed is None else at(closed),
            domains=4,
            visited=3,
            skipped=1,
        )

    cycles = (cycle(1, 60, 60), cycle(2, 60, 120), cycle(3, 660), cycle(4, 480))
    told = pool_report(facts(span(0, 600), cycles=cycles), "gpu")

    assert ["on time", "late", "under way", "overdue"] == [c.end.value for c in told.cycles]
    assert "3 of 4 domains visited, 1 left out, closed 1.0 h late" == told.cycles[1].reason
    assert (False, "late cycles: 2, 4") == (told.kept, told.reason)


def test_gangs_count_whole():
    def run(job, hosts):
        values = {"cluster": "c1", "restarts": 0, "at": at(1), "verb": "requeued", "operation": "op"}
        return Interruption(pool="gpu", job=job, hosts=hosts, **values)

    told = pool_report(facts(span(0, 600), interruptions=(run("1", 1), run("2", 64))), "gpu")

    assert (2, 1, 65) == (told.jobs_interrupted, told.gangs_interrupted, told.job_hosts_interrupted)


def test_a_host_that_passes_from_maintenance_to_repair_was_out_once():
    def out(cause, begin, end):
        until = None if end is None else at(end)
        return HostOut(host="gpu1", pool="gpu", cause=cause, since=at(begin), until=until)

    outs = (out("maintenance", -60, 60), out("repair", 60, 120), out("maintenance", 300, None))
    (told,) = pool_report(facts(span(0, 600), outs=outs), "gpu").hosts

    assert (7.0, 2, {"maintenance": 6.0, "repair": 1.0}) == (told.hours, told.times, told.by_cause)


def test_causes_name_who_has_a_host():
    assert ["maintenance", "pin switch", "operation", "emergency train", "other planned work"] == [
        cause_of(HostSet.PLANNED, f"{holder}/c1/x", True) for holder in ("visit", "pin", "op", "emergency", "new")
    ]
    assert ["repair", "failed, in nobody's hands", "another's: NHC", "not observable"] == [
        cause_of(HostSet.FAILED, "host/c1/a", True),
        cause_of(HostSet.FAILED, "operator", False),
        cause_of(HostSet.FOREIGN, "NHC", False),
        cause_of(HostSet.UNKNOWN, "operator", False),
    ]


def test_the_first_of_several_equal_lows_is_told():
    assert at(30) == lowest([span(0, 30), span(30, 60, up=8, planned=2), span(90, 99, up=8, planned=2)]).at
