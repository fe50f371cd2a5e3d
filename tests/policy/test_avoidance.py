"""What a train answers to jobs that ask it to keep away."""

from datetime import timedelta

from fleet.models.avoidance import AvoidanceState
from fleet.models.train import DomainState
from fleet.models.windows import Weekday, Window
from fleet.policy.avoidance import joined, offer
from fleet.policy.avoidance_bound import avoided_domains, expected, finish
from tests.policy.avoidances import HOUR, ask, domain, facts, hours, row
from tests.policy.make import NOW, ago, pool


def test_a_job_is_granted_what_it_asks_where_the_cycle_has_room():
    found = offer(ask(until=hours(3)), facts())

    assert (hours(3), hours(3)) == (found.until, found.planned)
    assert "kept away until 2026-03-01T15:00:00Z; its visit is expected at 2026-03-01T15:00:00Z" == found.reason


def test_a_grant_ends_where_the_cycle_bound_needs_the_visit():
    found = offer(ask(until=hours(9.5)), facts())
    assert timedelta(0) <= hours(9) - found.until <= timedelta(seconds=1)
    assert "the cycle is due at 2026-03-01T22:00:00Z, with what is left to visit in it" in found.reason


def test_a_gang_over_two_domains_leaves_time_for_both_visits():
    found = offer(ask(until=hours(9.5), hosts=(1, 2)), facts())
    assert timedelta(0) <= hours(8) - found.until <= timedelta(seconds=1)


def test_grants_of_others_are_counted():
    other = row(ask(2, hours(9), hosts=(2,)))
    found = offer(ask(1, hours(9), user="bob"), facts(other))
    assert timedelta(0) <= hours(8) - found.until <= timedelta(seconds=1)


def test_windows_are_counted():
    window = Window(days=tuple(Weekday), opens="12:00", closes="16:00", zone="UTC")
    within = facts(domains=2, due=30, policy={"longest": "10d", "budget_per_job": "10d"})
    told = {"windows": (window,), "avoidance": within.train.pool.avoidance}
    train = within.train.model_copy(update={"pool": pool(**told)})
    # From tomorrow at 12:00 the second visit would begin at 13:00, and end by the due date at 18:00; later it may not.
    found = offer(ask(until=hours(28)), within.model_copy(update={"train": train}))
    assert hours(24) < found.until < hours(28)


def test_a_cycle_that_is_late_already_grants_nothing():
    found = offer(ask(), facts(due=2))
    assert (None, NOW) == (found.until, found.planned)
    assert "at risk already" in found.reason


def test_what_begins_or_has_passed_is_refused():
    begun = facts(domains=[domain(1, DomainState.VISITING), domain(2)])
    assert "refused: the visit of d1 has begun" in offer(ask(), begun).reason
    assert "refused: expected a date to come" in offer(ask(until=ago(hours=1)), facts()).reason


def test_hosts_that_are_not_due_in_the_cycle_are_bound_by_budgets_alone():
    done = facts(domains=[domain(1, DomainState.VISITED), domain(2)], due=3)
    found = offer(ask(until=hours(11)), done)
    assert (hours(11), None) == (found.until, found.planned)


def test_a_second_ask_beyond_the_budget_is_refused_with_the_date():
    little = {"budget_per_job": "2h"}
    first = offer(ask(until=hours(5)), facts(policy=little))
    assert hours(2) == first.until
    assert "the budget of 2h a cycle of job 1" in first.reason

    granted = row(ask(), first.until)
    second = offer(ask(until=hours(6)).model_copy(update={"id": "b"}), facts(granted, policy=little, now=hours(1)))
    assert (None, hours(3)) == (second.until, second.planned), "the other two domains are visited before"
    assert "what was granted until 2026-03-01T14:00:00Z stands" in second.reason
    assert second.reason.endswith("its visit is expected at 2026-03-01T15:00:00Z")


def test_a_user_has_one_budget_for_all_jobs():
    others = [row(ask(n, hours(2), hosts=(n,))) for n in (2, 3)]
    found = offer(ask(1, hours(3)), facts(*others, policy={"budget_per_user": "5h"}))
    assert hours(1) == found.until
    assert "of user ann" in found.reason
    assert hours(3) == offer(ask(1, hours(3), user="bob"), facts(*others, policy={"budget_per_user": "5h"})).until


def test_time_that_was_not_used_is_not_charged_and_budgets_begin_anew_with_a_cycle():
    ended = row(ask(), hours(1), AvoidanceState.WITHDRAWN, asked_at=ago(hours=9), ended_at=ago(minutes=30))
    # The cycle opened an hour ago: of what was granted before, half an hour was used in it.
    found = offer(ask(until=hours(5)), facts(ended, policy={"budget_per_job": "2h"}))
    assert hours(1.5) == found.until


def test_a_later_request_takes_the_place_of_the_earlier_one():
    granted = row(ask(), hours(2))
    longer = ask(until=hours(4)).model_copy(update={"id": "b"})
    assert hours(4) == offer(longer, facts(granted, now=hours(1))).until
    shorter = ask(until=hours(1.5)).model_copy(update={"id": "b"})
    assert hours(1.5) == offer(shorter, facts(granted, now=hours(1))).until


def test_what_an_earlier_run_of_a_job_was_granted_stands_for_no_later_one():
    granted = row(ask(), hours(9))
    for until in (9.5, 20):
        found = offer(ask(until=hours(until), id="b", restarts=1), facts(granted, now=hours(1)))
        assert timedelta(0) <= hours(9) - found.until <= timedelta(seconds=1), "as far as the cycle has room"
    late = offer(ask(until=hours(20), id="b", restarts=1), facts(granted, now=hours(1), visit_seconds=4 * 3600.0))
    assert (None, False) == (late.until, "stands" in late.reason), "it ends with the next look"


def test_who_asks_again_for_no_later_a_date_loses_nothing_that_was_granted():
    granted = row(ask(), hours(9))
    slower = {"visit_seconds": 1.5 * 3600}
    for until in (9, 8.8):
        again = ask(until=hours(until), id="b")
        assert hours(until) == offer(again, facts(granted, now=hours(1), **slower)).until
    less = {"policy": {"budget_per_job": "0s"}}
    assert hours(8) == offer(ask(until=hours(8), id="b"), facts(granted, now=hours(1), **less)).until
    more = offer(ask(until=hours(9.5), id="b"), facts(granted, now=hours(1), **slower))
    assert (None, True) == (more.until, "what was granted until 2026-03-01T21:00:00Z stands" in more.reason)


def test_what_stands_on_another_users_budget_is_not_gone_on_with_beyond_ones_own():
    granted, bobs = row(ask(), hours(5)), row(ask(2, hours(7), hosts=(2,), user="bob"))
    for until in (5, 4):
        same = ask(until=hours(until), id="b", user="bob")
        found = offer(same, facts(granted, bobs, now=hours(1), policy={"budget_per_user": "8h"}))
        assert (None, True) == (found.until, "the budget of 8h a cycle of user bob allows no more" in found.reason)
        assert "what was granted until 2026-03-01T17:00:00Z stands" in found.reason
        assert hours(until) == offer(same, facts(granted, bobs, now=hours(1), policy={"budget_per_user": "12h"})).until


def test_more_hosts_until_the_same_date_are_worth_a_request():
    granted = row(ask(), hours(2))
    both = ask(until=hours(4), hosts=(1, 2), id="b")
    little = {"budget_per_job": "3h"}
    found = offer(both, facts(granted, now=hours(1), policy={"budget_per_job": "2h"}))
    assert hours(2) == found.until
    assert hours(3) == offer(both, facts(granted, now=hours(1), policy=little)).until
    same = ask(until=hours(4), id="b")
    assert None is offer(same, facts(granted, now=hours(1), policy={"budget_per_job": "2h"})).until


def test_a_request_that_comes_with_its_hosts_joins_what_its_job_has_there():
    there = row(ask(hosts=(2,), signal="USR2"), hours(3))
    found = joined(ask(until=hours(2), id="b"), there)
    assert (("h1", "h2"), hours(3), "USR2", "b") == (found.hosts, found.until, found.signal, found.id)
    assert ask() == joined(ask(), None)


def test_a_pool_may_grant_nothing():
    assert None is offer(ask(), facts(policy={"budget_per_job": "0s"})).until


def test_visits_in_the_order_of_their_dates_end_soonest():
    given = facts(row(ask(2, hours(5), hosts=(2,)))).train
    assert hours(6) == finish(given, ("d1", "d2", "d3"), given.avoided)
    assert hours(3) == finish(given, ("d1", "d2", "d3"), {})
    assert {"d2": hours(5)} == avoided_domains(given.cycle, (row(ask(2, hours(5), hosts=(2,))),), NOW)
    assert hours(1) == expected(given, ("h3",), given.avoided)


def test_an_emergency_that_goes_before_leaves_less_room():
    found = offer(ask(until=hours(9.5)), facts(held_by="emergency/c1/hole", held_seconds=7 * 3600.0))
    assert hours(9) - found.until <= timedelta(seconds=1)
    assert None is offer(ask(until=hours(9.5)), facts(held_by="emergency/c1/hole", held_seconds=8 * 3600.0)).until
    assert HOUR == timedelta(hours=1)
