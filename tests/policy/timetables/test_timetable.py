"""A pool's timetable from the facts of its train and its scheduler's answer."""

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.facts import TrainFacts
from fleet.models.host import Host
from fleet.models.job_costs import JobCosts
from fleet.models.pool import DomainSpec
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.models.units import parse_duration
from fleet.models.windows import Window
from fleet.policy.job_costs import lost
from fleet.policy.next_stop import next_stop, standing
from fleet.policy.timetable import preferred, timetable
from tests.policy.make import NOW, ago, pool

HOUR = timedelta(hours=1)
POOL = pool(notice=timedelta(minutes=30), job_costs=JobCosts(restart=timedelta(minutes=15), checkpoint=HOUR * 1.5))
USUAL = POOL.job_costs


def job(name, *hosts, ends=None, comment="", **changes) -> Job:
    given = {"id": name, "state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE, "hosts": hosts, "comment": comment}
    return Job(**{**given, "ends_by": None if ends is None else NOW + ends, **changes})


def view(*jobs) -> ClusterView:
    return ClusterView(began=0.0, nodes={}, jobs={j.id: j for j in jobs})


def train(count=4, states=None, due=timedelta(days=9), **changes) -> TrainFacts:
    domains = tuple(
        DomainProgress(
            domain=Domain(name=f"d{n}", hosts=(f"g{n}a", f"g{n}b")), state=(states or {}).get(n, DomainState.DUE)
        )
        for n in range(1, count + 1)
    )
    cycle = Cycle(cluster="c1", pool="gpu-train", number=1, opened_at=ago(days=1), due_at=NOW + due, domains=domains)
    given = {
        "cluster": "c1",
        "pool": POOL,
        "now": NOW,
        "hosts": (),
        "cycle": cycle,
        "stops": (),
        "open_visits": (),
        "visit_seconds": 3600.0,
        "cycle_asked": True,
    }
    return TrainFacts(**{**given, **changes})


def test_a_visit_costs_a_gang_all_of_its_hosts_wherever_they_are():
    found = timetable(train(2), view(job("1", "g1a", "far1", "far2", "far3")))
    assert ("d2", "d1") == found.order
    assert [0, 4 * 1.0] == pytest.approx([v.cost_host_hours for v in found.visits])
    assert [0, 1] == [v.jobs for v in found.visits]
    assert 4.0 == pytest.approx(found.cost_host_hours)


def test_visits_follow_one_another_from_the_first_notice_on_with_slack_to_the_due_date():
    found = timetable(train(3), None)
    begins = [timedelta(minutes=30) + n * HOUR for n in range(3)]
    assert begins == [v.begin - NOW for v in found.visits]
    assert (timedelta(days=9) - begins[2] - HOUR).total_seconds() == found.visits[2].slack_seconds
    assert ("", ()) == (found.at_risk, found.helps)


def test_jobs_of_ours_and_jobs_that_are_over_by_the_drain_deadline_cost_nothing():
    jobs = (job("1", "g1a", ends=timedelta(minutes=40)), job("2", "g2a", ours=True), job("3", "g3a", ends=HOUR))
    found = timetable(train(3, states={2: DomainState.SKIPPED}), view(*jobs))
    assert {"d1": 0, "d3": 0} == {v.domain: v.cost_host_hours for v in found.visits}
    assert ("d1", "d3") == found.order


def test_a_job_that_is_let_run_on_after_its_end_is_not_over():
    late = job("1", "g1a", "g1b", ends=-timedelta(minutes=6))
    found = timetable(train(2), view(late, job("2", "g2a", "g2b", ends=-timedelta(minutes=1))))
    assert [("d2", 0, 0.0), ("d1", 1, 2.0)] == [(v.domain, v.jobs, v.cost_host_hours) for v in found.visits]


def test_the_one_that_is_visited_and_those_that_are_done_have_no_visit_to_come():
    states = {1: DomainState.VISITING, 2: DomainState.VISITED, 3: DomainState.SKIPPED}
    found = timetable(train(4, states=states), None)
    assert ("d4",) == found.order
    assert HOUR == found.visits[0].begin - NOW


def test_the_domain_whose_jobs_were_told_goes_first_when_they_have_had_their_time():
    facts = train(3)
    told = facts.cycle.domains[2].model_copy(update={"state": DomainState.NOTICED, "noticed_at": ago(minutes=20)})
    cycle = facts.cycle.model_copy(update={"domains": (*facts.cycle.domains[:2], told)})
    found = timetable(facts.model_copy(update={"cycle": cycle}), view(job("1", "g3a", "g3b")))
    assert ("d3", "d1", "d2") == found.order
    assert timedelta(minutes=10) == found.visits[0].begin - NOW


@pytest.mark.parametrize(
    ("first", "changes", "begins"),
    [(DomainState.VISITING, {}, HOUR), (DomainState.VISITED, {"held_seconds": 3 * 3600.0}, 3 * HOUR)],
    ids=["a visit is under way", "an emergency goes before"],
)
def test_jobs_that_have_had_their_time_do_not_bring_the_visit_before_its_turn(first, changes, begins):
    facts = train(3, states={1: first}, due=begins + 2 * HOUR - timedelta(minutes=1), **changes)
    told = facts.cycle.domains[1].model_copy(update={"state": DomainState.NOTICED, "noticed_at": ago(minutes=45)})
    cycle = facts.cycle.model_copy(update={"domains": (facts.cycle.domains[0], told, facts.cycle.domains[2])})
    found = timetable(facts.model_copy(update={"cycle": cycle}), None)
    assert [("d2", begins), ("d3", begins + HOUR)] == [(v.domain, v.begin - NOW) for v in found.visits]
    assert "1 of 2 visits end after their due date" in found.at_risk


def test_a_domain_that_jobs_were_granted_to_keep_is_not_planned_before_their_date():
    found = timetable(train(3, avoided={"d1": NOW + 5 * HOUR}), None)
    assert ("d2", "d3", "d1") == found.order
    assert NOW + 5 * HOUR == found.visits[2].begin


def test_domains_that_rollouts_wait_for_go_first_and_those_given_back_last():
    facts = train(3, first=frozenset({"g2a"}))
    given_back = facts.cycle.domains[0].model_copy(update={"give_backs": 1, "ended_at": ago(hours=1)})
    cycle = facts.cycle.model_copy(update={"domains": (given_back, *facts.cycle.domains[1:])})
    jobs = view(job("1", "g2a", "g2b", *(f"far{n}" for n in range(50))), job("2", "g3a"))
    assert ("d2", "d3", "d1") == timetable(facts.model_copy(update={"cycle": cycle}), jobs).order


def test_between_cycles_the_next_cycle_is_planned():
    hosts = tuple(Host(cluster="c1", name=f"g{n}", pool="gpu-train", since=ago(days=9), rack="r") for n in range(10))
    last = train(1).cycle.model_copy(update={"closed_at": ago(hours=1)})
    asked = timetable(train(hosts=hosts, cycle=last), None)
    assert (3, timedelta(minutes=30)) == (len(asked.visits), asked.visits[0].begin - NOW)
    endless = timetable(train(hosts=hosts, cycle=last, endless=True), None)
    assert timedelta(days=4, minutes=30) == endless.visits[0].begin - NOW


def test_the_train_takes_the_domain_that_the_timetable_puts_first_and_says_why():
    jobs = view(job("1", "g1a"), job("2", "g2a", "g2b"), job("3", "g3a", "g1b", "g4a"))
    found = next_stop(preferred(train(4), jobs))
    assert "d2" == found.domain
    words = "d2 is the next stop: d2 is cheapest now (2 host-hours); all 4 left keep 8d19h30m slack or more"
    assert words == found.reason
    assert "d1" == next_stop(train(4)).domain


def test_jobs_that_are_not_known_are_not_told_to_be_none():
    idle, unknown = timetable(train(2), view()), timetable(train(2), None)
    assert idle.reason.startswith("no job that would be interrupted runs on d1")
    assert unknown.reason.startswith("d1 is first in the fixed order, for the jobs are not known; d2 keeps ")


def test_a_due_date_that_can_not_be_kept_is_told_with_what_would_help():
    found = timetable(train(6, due=4 * HOUR), None)
    assert "3 of 6 visits end after their due date" in found.at_risk
    helps = "; ".join(found.helps)
    for words in (
        "visits of 35m at most",
        "domains of 4 hosts (today up to 2), in 3 visits",
        "a cycle bound of 1d6h30m",
    ):
        assert words in helps


def test_each_help_is_enough_by_itself():
    late = train(6, due=4 * HOUR)
    assert timetable(late, None).at_risk
    assert not timetable(late.model_copy(update={"visit_seconds": 34.9 * 60}), None).at_risk
    assert not timetable(train(3, due=4 * HOUR), None).at_risk
    assert not timetable(train(6, due=6.5 * HOUR), None).at_risk


def test_larger_domains_that_the_pools_promises_refuse_are_told_with_what_else_must_change():
    hosts = tuple(
        Host(cluster="c1", name=f"g{n}{x}", pool="gpu-train", since=ago(days=9)) for n in range(1, 7) for x in "ab"
    )
    held = POOL.model_copy(update={"domain": DomainSpec(size=2), "planned_buffer": 2, "floor": 10, "failure_buffer": 1})
    for pool_, words in ((held, ", with another planned_buffer and another floor"), (POOL, "")):
        found = timetable(train(6, due=4 * HOUR, hosts=hosts, pool=pool_), None)
        expected = f"from the next cycle on: domains of 4 hosts (today up to 2), in 3 visits{words}"
        assert expected in found.helps


def given_back(facts, *, until) -> TrainFacts:
    """The last domain was given back three times; its pause ends `until` from now."""
    deadline = facts.pool.drain.deadline
    paused = facts.cycle.domains[-1].model_copy(update={"give_backs": 3, "ended_at": facts.now + until - deadline * 2})
    cycle = facts.cycle.model_copy(update={"domains": (*facts.cycle.domains[:-1], paused)})
    return facts.model_copy(update={"cycle": cycle})


def test_no_help_is_told_that_a_domain_which_may_not_begin_yet_makes_useless():
    facts = given_back(train(3, due=9 * HOUR), until=9 * HOUR - timedelta(minutes=24))
    found = timetable(facts, None)
    assert "1 of 3 visits end after" in found.at_risk
    assert ("a cycle bound of 1d9h36m (today 1d9h), from the next cycle on",) == found.helps


def test_visits_are_to_be_as_short_as_a_domain_that_may_begin_late_needs():
    facts = given_back(train(3, due=9 * HOUR), until=8 * HOUR + timedelta(minutes=19, seconds=25))
    found = timetable(facts, None)
    assert "visits of 40m at most (today 1h)" in found.helps
    assert not timetable(facts.model_copy(update={"visit_seconds": 40 * 60.0}), None).at_risk
    assert "domains of" not in "; ".join(found.helps)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 5),
    st.integers(60, 420),
    st.integers(-60, 420),
    st.lists(st.integers(0, 420), max_size=3),
)
def test_whatever_keeps_domains_from_beginning_shorter_visits_that_are_told_are_enough(count, due, pause, dates):
    due_in = timedelta(minutes=due, seconds=17)
    avoided = {f"d{n}": NOW + min(due_in, timedelta(minutes=m)) for n, m in enumerate(dates[: count - 1], 1)}
    facts = given_back(train(count, due=due_in, avoided=avoided), until=timedelta(minutes=pause))
    found = timetable(facts, None)
    for words in found.helps:
        if told := re.match(r"visits of (\S+) at most", words):
            shorter = facts.model_copy(update={"visit_seconds": parse_duration(told[1]).total_seconds()})
            assert not timetable(shorter, None).at_risk
        if told := re.match(r"a cycle bound of (\S+) ", words):
            later = facts.cycle.opened_at + parse_duration(told[1])
            cycle = facts.cycle.model_copy(update={"due_at": later})
            assert not timetable(facts.model_copy(update={"cycle": cycle}), None).at_risk
        if words.startswith("visiting "):
            assert not timetable(facts.model_copy(update={"avoided": {}}), None).at_risk


def test_what_windows_cost_is_told():
    window = Window(opens="12:00", closes="15:00")
    facts = train(8, due=timedelta(days=2), pool=POOL.model_copy(update={"windows": (window,)}))
    found = timetable(facts, None)
    assert {12, 13} == {v.begin.hour for v in found.visits}
    assert "more of windows" in "; ".join(found.helps)


def test_granted_avoidances_that_make_visits_late_are_named():
    facts = train(3, due=4 * HOUR, avoided={"d1": NOW + 3.5 * HOUR, "d2": NOW + 3.5 * HOUR})
    found = timetable(facts, None)
    assert "visiting d1, d2 before the dates that their jobs were granted" in found.helps


def test_a_job_says_itself_what_an_interruption_costs_it():
    said = {
        "": 60,
        "maintrain:job restart=5m checkpoint=20m": 15,
        "maintrain:job restart=5m checkpoint=20m; maintrain:avoid until=+2h": 15,
        "x; maintrain:job saved=2026-03-01T11:50:00Z": 25,
        "maintrain:job saved=2026-03-01T11:50 restart=0s": 10,
        "maintrain:job checkpoint=0s": 15,
        "maintrain:job checkpoint=often restart=?": 60,
        "maintrain:job saved=2027-01-01T00:00Z": 60,
        # Four times what the pool assumes, whatever it says.
        "maintrain:job restart=3650d": 240,
        "maintrain:job checkpoint=3650d saved=2025-03-01T12:00Z": 240,
    }
    found = {comment: lost(job("1", "g1a", comment=comment), USUAL, NOW) for comment in said}
    assert {comment: timedelta(minutes=m) for comment, m in said.items()} == found


@settings(max_examples=80, deadline=None)
@given(st.permutations([1, 2, 3, 4]), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.sets(st.integers(1, 4)))
def test_whatever_the_timetable_prefers_what_goes_before_it_still_does(order, give_backs, first):
    facts = train(4, first=frozenset(f"g{n}a" for n in first))
    domains = tuple(
        d.model_copy(update={"give_backs": n, "ended_at": ago(days=1)})
        for d, n in zip(facts.cycle.domains, give_backs, strict=True)
    )
    facts = facts.model_copy(update={"cycle": facts.cycle.model_copy(update={"domains": domains})})
    wished = facts.model_copy(update={"preferred": tuple(f"d{n}" for n in order)})
    before, after = next_stop(facts), next_stop(wished)
    assert before.action == after.action
    assert sorted(before.at_risk.split("; ")) == sorted(after.at_risk.split("; "))
    by_name = {d.domain.name: d for d in domains}
    assert standing(facts, by_name[before.domain]) == standing(facts, by_name[after.domain])
