"""Why a request waits, for whom, until when, and what is granted next: the same answer as the grants' own."""

from fleet.models.ledger import RequestClass, WaitKind
from fleet.policy.explaining import explain, explanation_lines, next_grants
from fleet.policy.grants import settle
from tests.policy.make import NOW, ago, facts, lease, names, request

SOON, LATER = ago(minutes=-10), ago(minutes=-40)
OUT = [lease(n, expected_end=SOON) for n in names(2)] + [
    lease(n, holder="op/3", expected_end=LATER) for n in names(2, 3)
]


def op(name, hosts, **changes):
    return request(name, hosts, RequestClass.AD_HOC, **changes)


def test_a_request_that_waits_says_for_whom_since_when_and_until_when():
    waits = op("op/7", names(2, 3))
    told = explain(facts(requests=[waits], leases=OUT), waits)

    assert (WaitKind.HOST_LEASED, LATER, ago(minutes=1)) == (told.kind, told.expected_at, told.since)
    assert [("op/3", ("gpu003", "gpu004"), LATER)] == [(b.holder, b.hosts, b.until) for b in told.blockers]


def test_a_full_buffer_is_explained_by_all_who_have_a_part_of_it():
    waits = op("op/7", ["gpu009"])
    told = explain(facts(requests=[waits], leases=OUT), waits)

    assert (WaitKind.LIMIT, SOON) == (told.kind, told.expected_at)
    assert ["op/3", "visit/x"] == [b.holder for b in told.blockers]
    assert "expected to be granted: about 2026-03-01 12:10:00" in explanation_lines(told)[-1]


def test_the_reason_is_the_one_that_the_grants_give():
    waits = op("op/7", ["gpu009"])
    known = facts(requests=[waits], leases=OUT)

    assert settle(known).waits[0].reason == explain(known, waits).reason


def test_what_waits_for_somebody_who_never_ends_can_not_be_told_a_time():
    waits = op("op/7", ["gpu003"])
    told = explain(facts(requests=[waits], leases=[lease("gpu003")]), waits)

    assert None is told.expected_at
    assert "end unknown" in "\n".join(explanation_lines(told))


def test_what_can_begin_says_so():
    waits = op("op/7", ["gpu009"])
    told = explain(facts(requests=[waits]), waits)

    assert (None, NOW) == (told.kind, told.expected_at)


def test_what_is_granted_next_is_what_the_first_end_that_lets_anything_begin_lets_begin():
    one, two = op("op/7", names(2, 3)), op("op/8", ["gpu009"])
    found = next_grants(facts(requests=[one, two], leases=OUT))

    assert (("op/8",), SOON) == (found.requests, found.at)


def test_what_can_begin_now_is_granted_next():
    found = next_grants(facts(requests=[op("op/8", ["gpu009"])]))

    assert (("op/8",), NOW) == (found.requests, found.at)


def test_with_nobody_waiting_nothing_is_granted_next():
    found = next_grants(facts())

    assert ((), "no request waits") == (found.requests, found.reason)
