"""What holds for every sequence of requests: due dates stay possible, budgets are never exceeded."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.avoidance import AvoidanceState
from fleet.models.train import DomainState, StopAction
from fleet.policy.avoidance import offer, spent, standing_of
from fleet.policy.avoidance_bound import avoided_domains, finish, keeps_bound
from fleet.policy.avoidance_upkeep import renegotiated
from fleet.policy.next_stop import next_stop
from tests.policy.avoidances import HOUR, ask, domain, facts, hours, row
from tests.policy.make import NOW

DOMAINS = 5
LITTLE = {"budget_per_job": "5h", "budget_per_user": "8h"}
ASKS = st.lists(
    st.tuples(
        st.integers(1, 4),  # job
        st.sampled_from(["ann", "bob"]),
        st.sets(st.integers(1, DOMAINS), min_size=1, max_size=3),
        st.floats(-1, 30),  # until
        st.floats(0, 1.5),  # hours since the ask before
    ),
    min_size=1,
    max_size=8,
)
STATES = [DomainState.DUE] * 4 + [DomainState.NOTICED, DomainState.VISITED]


def _granted(asks, due):
    """Rows after these requests, with the facts that each was decided by."""
    rows, at, decided = [], NOW, []
    for number, (job, user, hosts, until, passed) in enumerate(asks):
        at += passed * HOUR
        asked = ask(job, hours(until), hosts, id=f"a{number}", user=user)
        given_facts = facts(*rows, domains=DOMAINS, due=due, policy=LITTLE, now=at)
        found = offer(asked, given_facts)
        decided.append((given_facts, found))
        if found.until is None:
            continue
        earlier = standing_of(asked, rows, at)
        if earlier is not None:
            ended = {"state": AvoidanceState.ENDED, "ended_at": at}
            rows[rows.index(earlier)] = earlier.model_copy(update=ended)
        rows.append(row(asked, found.until, asked_at=at))
        decided[-1] = (facts(*rows, domains=DOMAINS, due=due, policy=LITTLE, now=at), found)
    return rows, at, decided


@settings(max_examples=100, deadline=None)
@given(ASKS, st.integers(3, 14))
def test_a_grant_never_makes_a_due_date_impossible_that_was_possible(asks, due):
    _, _, decided = _granted(asks, due)
    late = [
        found.reason
        for given_facts, found in decided
        if found.until is not None
        and keeps_bound(given_facts.train, {})
        and not keeps_bound(given_facts.train, given_facts.train.avoided)
    ]
    assert [] == late


@settings(max_examples=100, deadline=None)
@given(ASKS)
def test_budgets_are_never_exceeded(asks):
    rows, _, _ = _granted(asks, due=200)
    by_job = {job: spent((r for r in rows if r.ask.job == job), None) for job in {r.ask.job for r in rows}}
    by_user = {user: spent((r for r in rows if r.ask.user == user), None) for user in ("ann", "bob")}
    assert {} == {job: used for job, used in by_job.items() if used > 5 * HOUR}
    assert {} == {user: used for user, used in by_user.items() if used > 8 * HOUR}


def _alone(train):
    return finish(train, [d.domain.name for d in train.cycle.domains], {})


@settings(max_examples=100, deadline=None)
@given(ASKS, st.integers(6, 14), st.floats(1, 3))
def test_after_renegotiation_a_cycle_is_in_time_or_ends_when_it_does_without_any_grant(asks, due, slower):
    rows, at, _ = _granted(asks, due)
    now = facts(*rows, domains=DOMAINS, due=due, policy=LITTLE, now=at, visit_seconds=3600 * slower)
    changes = {change.id: change for change in renegotiated(now)}
    kept = [
        r.model_copy(update={"state": changes[r.id].state, "until": changes[r.id].until or r.until})
        if r.id in changes
        else r
        for r in rows
    ]
    after = avoided_domains(now.train.cycle, kept, at)
    # Where it is late without any, they make it no later.
    assert keeps_bound(now.train, after, by=max(now.train.cycle.due_at, _alone(now.train)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sets(st.integers(1, DOMAINS), min_size=1, max_size=2), st.floats(0.1, 12)), max_size=5),
    st.floats(-2, 8),
    st.floats(0.5, 3),
)
def test_after_renegotiation_jobs_are_told_of_no_visit_that_the_store_would_not_open(dates, due, slower):
    rows = [row(ask(n, hours(until), hosts), asked_at=NOW - n * HOUR) for n, (hosts, until) in enumerate(dates)]
    more = {"domains": DOMAINS, "due": due, "visit_seconds": 3600 * slower}
    changes = {change.id: change for change in renegotiated(facts(*rows, **more))}
    states = {
        r.id: {"state": changes[r.id].state, "until": changes[r.id].until or r.until} for r in rows if r.id in changes
    }
    after = facts(*(r.model_copy(update=states.get(r.id, {})) for r in rows), **more)
    stop = next_stop(after.train)
    kept = after.train.avoided.get(stop.domain or "", NOW)
    # What is kept beyond its notice is not noted as told, and its train would tell it again with every plan.
    assert stop.action is not StopAction.NOTICE or kept <= NOW + after.train.pool.notice


@settings(max_examples=100, deadline=None)
@given(ASKS, st.integers(5, 14), st.lists(st.sampled_from(STATES), min_size=DOMAINS, max_size=DOMAINS))
def test_a_train_visits_no_domain_before_the_date_that_its_jobs_were_granted(asks, due, states):
    rows, at, _ = _granted(asks, due)
    domains = [
        domain(n + 1, state, noticed_at=at - HOUR if state is DomainState.NOTICED else None)
        for n, state in enumerate(states)
    ]
    given_facts = facts(*rows, domains=domains, due=due, policy=LITTLE, now=at)
    stop = next_stop(given_facts.train)
    avoided = given_facts.train.avoided.get(stop.domain or "", at)
    assert stop.action is not StopAction.VISIT or avoided <= at
    assert stop.action is not StopAction.NOTICE or avoided <= at + given_facts.train.pool.notice + timedelta(0)
