"""Trains driven to the end of their cycle, with jobs that ask them to keep away all the while: what every sequence of
requests leaves standing.
"""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.avoidance import AvoidanceState
from fleet.models.train import DomainState, StopAction
from fleet.policy.avoidance import carried, least_charge, offer, spent, standing_of
from fleet.policy.avoidance_bound import avoided_domains, called_off
from fleet.policy.next_stop import next_stop
from tests.policy.avoidances import HOUR, ask, domain, facts, hours, row
from tests.policy.make import NOW

DUE, VISITING, NOTICED = DomainState.DUE, DomainState.VISITING, DomainState.NOTICED
ENOUGH = {"budget_per_job": "10d", "budget_per_user": "10d"}
ASKS = st.lists(
    st.tuples(
        st.floats(0, 5),  # when
        st.sets(st.integers(1, 3), min_size=1, max_size=2),
        st.sampled_from([1 / 3600, 0.1, 0.5, 1.0, 3.0, 9.0]),  # hours to be kept
    ),
    max_size=10,
)


class Driven:
    """A train of domains that take equally long, in a cycle that is due in so many hours."""

    def __init__(self, domains, due, notice, visit, **policy) -> None:
        self.policy = {**ENOUGH, **policy}
        self.domains, self.due = [domain(number + 1) for number in range(domains)], due
        self.notice, self.visit = notice * HOUR, visit * HOUR
        self.rows, self.at, self.ends = [], NOW, None

    def facts(self):
        more = {"visit_seconds": self.visit.total_seconds(), "open_visits": ("v",) if self.ends else ()}
        found = facts(*self.rows, domains=self.domains, due=self.due, policy=self.policy, now=self.at, **more)
        promised = found.train.pool.model_copy(update={"notice": self.notice})
        return found.model_copy(update={"train": found.train.model_copy(update={"pool": promised})})

    def ask(self, hosts, length) -> bool:
        given_facts, job = self.facts(), "-".join(map(str, sorted(hosts)))
        asked = ask(job, self.at + length * HOUR, hosts, id=f"a{len(self.rows)}")
        found = offer(asked, given_facts)
        if found.until is None:
            return False
        earlier = standing_of(asked, self.rows, self.at)
        if earlier is not None:
            ended = {"state": AvoidanceState.ENDED, "ended_at": self.at, "at_least": timedelta(0), "passed_on": True}
            self.rows[self.rows.index(earlier)] = earlier.model_copy(update=ended)
        before = carried(asked, given_facts, earlier) or timedelta(0)
        least = least_charge(asked, given_facts, found.until, earlier)
        for off in called_off(given_facts.train, asked.hosts, found.until):
            self._set(off.domain.name, state=DUE, noticed_at=None)
        self.rows.append(row(asked, found.until, asked_at=self.at, at_least=least, carried=before))
        return True

    def withdraw(self):
        """Whatever stands."""
        over = {"state": AvoidanceState.WITHDRAWN, "ended_at": self.at}
        self.rows = [r.model_copy(update=over) if r.stands(self.at) else r for r in self.rows]

    def drive(self, upto):
        """Up to a moment, or the end of the cycle."""
        while self.at < upto:
            if self.ends is not None and self.ends <= self.at:
                self.ends = None
                self._set(next(d.domain.name for d in self.domains if d.state is VISITING), state=DomainState.VISITED)
            stop = next_stop(self.facts().train)
            if stop.action is StopAction.CLOSE_CYCLE:
                return
            if stop.action is StopAction.NOTICE:
                avoided = avoided_domains(self.facts().train.cycle, self.rows, self.at)
                assert avoided.get(stop.domain, self.at) <= self.at + self.notice, "the store would not note it"
                self._set(stop.domain, state=NOTICED, noticed_at=self.at)
            elif stop.action is StopAction.VISIT:
                told = next(d.noticed_at for d in self.domains if d.domain.name == stop.domain)
                assert told + self.notice <= self.at, "every job has had its notice"
                self.ends = self.at + self.visit
                self._set(stop.domain, state=VISITING, visit="v")
            else:
                # A train that waits for a visit looks as often as it is woken, too.
                dates = [at for at in (stop.until, self.ends) if at is not None]
                next_pause = [until for r in self.rows if r.until and (until := r.until - self.notice) > self.at]
                self.at = min(upto, *dates, *next_pause)

    def _set(self, name, **changes):
        self.domains = [d.model_copy(update=changes) if d.domain.name == name else d for d in self.domains]


def _end(asks, *cycle):
    driven = Driven(*cycle)
    for at, hosts, length in sorted(asks, key=lambda one: one[0]):
        driven.drive(hours(at))
        if driven.ends is None or driven.at < driven.ends:
            driven.ask({h for h in hosts if h <= cycle[0]} or {1}, length)
    driven.drive(hours(1000))
    return driven.at


@settings(max_examples=100, deadline=None)
@given(ASKS, st.integers(1, 3), st.floats(0, 2), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.5, 1.0]))
def test_no_sequence_of_requests_makes_a_cycle_late_that_would_be_in_time(asks, count, room, told, each):
    alone = (_end([], count, 100, told, each) - NOW) / HOUR
    assert _end(asks, count, alone + room, told, each) <= hours(alone + room) + timedelta(seconds=1)


@settings(max_examples=100, deadline=None)
@given(ASKS, st.lists(st.booleans(), min_size=10, max_size=10), st.sampled_from([0.25, 1.0]))
def test_no_sequence_of_requests_and_words_to_withdraw_exceeds_a_budget(asks, given_back, told):
    driven = Driven(3, 60, told, 0.5, budget_per_job="2h", budget_per_user="3h")
    for (at, hosts, length), back in zip(sorted(asks, key=lambda one: one[0]), given_back, strict=False):
        driven.drive(max(driven.at, hours(at)))
        driven.ask(hosts, length)
        driven.drive(driven.at + timedelta(seconds=1))
        if back:
            driven.withdraw()
    jobs = {r.ask.job for r in driven.rows}
    assert all(spent((r for r in driven.rows if r.ask.job == job), None) <= 2 * HOUR for job in jobs)
    assert spent(driven.rows, None) <= 3 * HOUR


def test_words_of_a_second_put_a_visit_off_by_seconds():
    driven = Driven(1, 10, 1, 0.5)
    driven.drive(hours(59 / 60))
    while driven.at < hours(10) and driven.ends is None:
        driven.ask((1,), 1 / 3600)
        driven.drive(min(hours(10), driven.at + timedelta(seconds=30)))
    assert driven.ends is not None
    assert driven.ends <= hours(1.5) + timedelta(seconds=31)


@pytest.mark.parametrize("after", ["withdraw", "a shorter date"])
def test_who_calls_notices_off_and_gives_back_what_was_granted_is_kept_for_a_budget_and_no_longer(after):
    driven = Driven(1, 20, 1, 0.5, budget_per_job="90m")
    while driven.ends is None and driven.at < hours(15):
        told = driven.domains[0].noticed_at
        if told is None or driven.at < told + 55 / 60 * HOUR:
            driven.drive(hours(15) if told is None and driven.ends else driven.at + timedelta(minutes=5))
            continue
        driven.ask((1,), 62 / 60)
        driven.drive(driven.at + timedelta(seconds=1))
        if after == "withdraw":
            driven.withdraw()
        else:
            driven.ask((1,), 1 / 3600)
        driven.drive(driven.at + timedelta(minutes=5))
    assert driven.ends is not None
    assert driven.ends <= hours(1 + 1.5 + 0.5) + timedelta(minutes=5)


def test_an_extension_of_what_called_a_notice_off_costs_the_time_that_is_kept():
    driven = Driven(1, 20, 1, 0.5)
    driven.drive(hours(0.9))
    assert driven.ask((1,), 1.5)
    driven.drive(hours(1))
    assert driven.ask((1,), 3)
    driven.drive(hours(1.2))
    driven.withdraw()
    assert HOUR == spent(driven.rows, None), "no less than the notice, no more than that"
    driven.at = hours(5)
    assert HOUR == spent(driven.rows, None)


def test_a_late_request_is_trimmed_so_that_its_visit_still_ends_in_time():
    driven = Driven(1, 1.8, 1, 0.5)
    driven.drive(hours(59 / 60))
    assert driven.ask((1,), 9)
    driven.drive(hours(1000))
    assert hours(1.8) - timedelta(seconds=2) <= driven.at <= hours(1.8)
