"""A train's next stop where jobs asked it to keep away, and where they say that they are ready."""

from datetime import timedelta

from fleet.models.train import DomainState, StopAction
from fleet.policy.next_stop import next_stop
from tests.policy.make import NOW, ago
from tests.policy.test_next_stop import NOTICED, POOL, RUNNING, VISITED, VISITING, cycle, domain, train

HOUR = timedelta(hours=1)
WAIT, NOTICE, VISIT = StopAction.WAIT, StopAction.NOTICE, StopAction.VISIT


def stop(of, **changes):
    found = next_stop(train(of, **changes))
    return found.action, found.domain


def test_the_others_go_before_a_domain_that_is_avoided():
    both = cycle(domain(1), domain(2))
    assert (NOTICE, "d002") == stop(both, avoided={"d001": NOW + HOUR})
    running = cycle(domain(1), domain(2, VISITING, visit=RUNNING), domain(3))
    assert (NOTICE, "d003") == stop(running, avoided={"d001": NOW + HOUR}, open_visits=(RUNNING,))


def test_the_last_domain_is_waited_for_and_its_jobs_are_told_in_time():
    last = cycle(domain(1), domain(2, VISITED))
    found = next_stop(train(last, avoided={"d001": NOW + 2 * HOUR}))
    assert (WAIT, "d001", NOW + 2 * HOUR - POOL.notice) == (found.action, found.domain, found.until)
    assert "jobs on d001 were granted that it is not visited before 2026-03-01 14:00:00+00:00" == found.reason
    assert (NOTICE, "d001") == stop(last, avoided={"d001": NOW + POOL.notice})


def test_no_visit_begins_before_the_date():
    told = cycle(domain(1, NOTICED, noticed_at=ago(minutes=40)))
    assert (VISIT, "d001") == stop(told)
    found = next_stop(train(told, avoided={"d001": NOW + timedelta(minutes=5)}))
    assert (WAIT, NOW + timedelta(minutes=5)) == (found.action, found.until)


def test_nothing_is_held_back_beyond_the_due_date():
    late = cycle(domain(1), due_at=NOW)
    found = next_stop(train(late, avoided={"d001": NOW + HOUR}))
    assert (NOTICE, "d001") == (found.action, found.domain)
    assert "jobs were granted that 1 of them are not visited yet" in found.at_risk


def test_a_domain_that_another_pool_calls_for_is_avoided_too():
    both = cycle(domain(1), domain(2))
    assert (NOTICE, "d001") == stop(both, invited=frozenset({"d001"}))
    assert (NOTICE, "d002") == stop(both, invited=frozenset({"d001"}), avoided={"d001": NOW + HOUR})


def test_a_domain_kept_by_jobs_is_tried_again_while_another_is_avoided():
    kept = domain(1, give_backs=2, ended_at=ago(days=1))
    assert (NOTICE, "d001") == stop(cycle(kept, domain(2)), avoided={"d002": NOW + HOUR})


def test_jobs_that_are_all_ready_need_no_more_notice():
    told = cycle(domain(1, NOTICED, noticed_at=ago(minutes=2)))
    assert (WAIT, "d001") == stop(told)
    found = next_stop(train(told, ready=frozenset({"d001"})))
    assert (VISIT, "d001") == (found.action, found.domain)
    assert "d001 is due, its jobs were told 2m ago and say that they are ready" == found.reason
    assert (WAIT, "d001") == stop(told, ready=frozenset({"d001"}), avoided={"d001": NOW + HOUR})
    assert DomainState.NOTICED == NOTICED
