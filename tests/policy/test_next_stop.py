"""A train's next stop."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.facts import TrainFacts
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState, StopAction
from fleet.policy.next_stop import next_stop
from tests.policy.make import NOW, ago, host, pool, stop

DUE, NOTICED, VISITING, VISITED, SKIPPED = DomainState
OPEN, NOTICE, VISIT, WAIT, CLOSE = StopAction
POOL = pool(notice=timedelta(minutes=30), cycle_bound=timedelta(days=10))
RUNNING = "visit/c1/gpu-train/1/d001/1"


def domain(number, state=DUE, **changes) -> DomainProgress:
    name = f"d{number:03d}"
    return DomainProgress(**{"domain": Domain(name=name, hosts=(f"gpu{number}",)), "state": state, **changes})


def cycle(*domains, **changes) -> Cycle:
    given = {"cluster": "c1", "pool": "gpu-train", "number": 1, "opened_at": ago(days=1), "due_at": ago(days=-9)}
    return Cycle(**{**given, "domains": domains, **changes})


def train(of=None, **changes) -> TrainFacts:
    given = {
        "cluster": "c1",
        "pool": POOL,
        "now": NOW,
        "hosts": (),
        "cycle": of,
        "stops": (),
        "open_visits": (),
        "visit_seconds": 3600.0,
        "cycle_asked": True,
    }
    return TrainFacts(**{**given, **changes})


def answer(of=None, **changes):
    found = next_stop(train(of, **changes))
    return found.action, found.domain


def said(of=None, **changes) -> str:
    return next_stop(train(of, **changes)).reason


def test_a_train_that_nobody_asked_for_a_cycle_waits():
    expected = (WAIT, None)
    assert expected == answer(cycle_asked=False)
    assert said(cycle_asked=False) == "no cycle asked"


def test_a_cycle_that_was_asked_for_opens_at_once():
    closed = cycle(closed_at=ago(seconds=1), opened_at=ago(hours=1))
    expected = [(OPEN, None), (OPEN, None)]
    assert expected == [answer(), answer(closed)]


def test_a_train_without_end_waits_half_the_bound_between_openings():
    closed = cycle(closed_at=ago(days=1), opened_at=ago(days=4))
    found = next_stop(train(closed, endless=True))
    expected = (WAIT, ago(days=-1))
    assert expected == (found.action, found.until)
    later = cycle(closed_at=ago(days=1), opened_at=ago(days=5))
    expected = (OPEN, None)
    assert expected == answer(later, endless=True)


def test_the_jobs_of_the_first_domain_are_told_first():
    expected = (NOTICE, "d001")
    assert expected == answer(cycle(domain(1), domain(2)))


def test_a_visit_begins_when_its_jobs_have_had_their_notice():
    told = cycle(domain(1, NOTICED, noticed_at=ago(minutes=29)), domain(2))
    found = next_stop(train(told))
    expected = (WAIT, "d001", ago(minutes=-1))
    assert expected == (found.action, found.domain, found.until)
    found = next_stop(train(cycle(domain(1, NOTICED, noticed_at=ago(minutes=30), attempts=1))))
    expected = (VISIT, "d001", 2)
    assert expected == (found.action, found.domain, found.attempt)


def test_notice_for_one_domain_ahead_goes_out_while_a_visit_runs():
    running = domain(1, VISITING, visit=RUNNING)
    expected = (NOTICE, "d002")
    assert expected == answer(cycle(running, domain(2), domain(3)), open_visits=(RUNNING,))
    ahead = cycle(running, domain(2, NOTICED, noticed_at=ago(hours=1)), domain(3))
    expected = (WAIT, None)
    assert expected == answer(ahead, open_visits=(RUNNING,))
    assert said(ahead, open_visits=(RUNNING,)) == f"waits for {RUNNING}"


def test_under_a_stop_no_notice_and_no_visit_begins():
    covering = (stop(cluster="c1", pool="gpu-train"),)
    running = cycle(domain(1, VISITING, visit=RUNNING), domain(2))
    ready = cycle(domain(1, NOTICED, noticed_at=ago(hours=1)))
    expected = (WAIT, None)
    found = [answer(running, open_visits=(RUNNING,), stops=covering), answer(ready, stops=covering)]
    assert [expected, expected, expected] == [*found, answer(stops=covering)]
    words = "stop of pool c1/gpu-train by alice since 2026-03-01 11:57:00+00:00: power work"
    assert words == said(ready, stops=covering)


def test_a_stop_of_another_pool_is_none_of_its_business():
    expected = (OPEN, None)
    assert expected == answer(stops=(stop(cluster="c1", pool="storage"),))


def test_domains_that_were_given_back_come_after_the_rest():
    expected = (NOTICE, "d002")
    assert expected == answer(cycle(domain(1, give_backs=1, ended_at=ago(minutes=1)), domain(2), domain(3, VISITED)))


def test_a_domain_given_back_once_is_told_again_and_taken_again():
    expected = (NOTICE, "d001")
    assert expected == answer(cycle(domain(1, give_backs=1, attempts=1, ended_at=NOW), domain(2, VISITED)))


def test_a_domain_kept_too_often_is_at_risk_and_taken_last_after_growing_pauses():
    kept = [domain(1, give_backs=n, attempts=n, ended_at=NOW) for n in (2, 3, 4)]
    found = [next_stop(train(cycle(one, domain(2, SKIPPED)))) for one in kept]
    expected = [(WAIT, NOW + timedelta(minutes=m)) for m in (10, 20, 40)]
    assert expected == [(f.action, f.until) for f in found]
    assert found[0].at_risk == "d001 was given back 2 times and a person is asked"
    expected = (NOTICE, "d002")
    assert expected == answer(cycle(kept[0].model_copy(update={"ended_at": ago(days=1)}), domain(2)))


def test_a_domain_kept_too_often_is_told_again_after_its_pause():
    expected = (NOTICE, "d001")
    assert expected == answer(cycle(domain(1, give_backs=2, ended_at=ago(minutes=10))))


def test_a_domain_kept_too_often_gets_no_notice_while_another_is_visited():
    both = cycle(domain(1, give_backs=2, ended_at=ago(days=1)), domain(2, VISITING, visit=RUNNING))
    expected = (WAIT, None)
    assert expected == answer(both, open_visits=(RUNNING,))


def test_a_cycle_is_not_kept_open_past_its_due_date_by_domains_that_jobs_keep():
    late = cycle(domain(1, give_backs=2, ended_at=NOW), domain(2, VISITED), due_at=NOW)
    expected = (CLOSE, None)
    assert expected == answer(late)
    assert said(late) == "closed at its due date without d001: jobs kept them, and a person was asked"


def test_a_late_cycle_goes_on_with_domains_that_nobody_kept():
    expected = (NOTICE, "d002")
    assert expected == answer(cycle(domain(1, give_backs=2, ended_at=NOW), domain(2), due_at=ago(days=1)))


def test_a_cycle_whose_domains_are_done_closes():
    done = cycle(domain(1, VISITED), domain(2, SKIPPED))
    expected = (CLOSE, None)
    assert expected == answer(done)
    assert said(done) == "all 2 domains are done: 1 visited, the others skipped"


def test_a_visit_that_is_gone_leaves_its_domain_due():
    expected = (NOTICE, "d001")
    assert expected == answer(cycle(domain(1, VISITING, visit=RUNNING)))


def test_a_bound_that_cannot_be_met_is_told_with_its_numbers():
    tight = cycle(domain(1), domain(2), domain(3), due_at=NOW + timedelta(hours=2))
    expected = "3 domains left at 1h each end 1h after the due date 2026-03-01 14:00:00+00:00"
    assert expected == next_stop(train(tight)).at_risk


def test_a_bound_that_can_be_met_is_not_at_risk():
    expected = ""
    assert expected == next_stop(train(cycle(domain(1), domain(2), due_at=NOW + timedelta(hours=2)))).at_risk


def test_a_notice_longer_than_a_visit_puts_the_bound_at_risk_as_it_paces_the_train():
    days = POOL.model_copy(update={"notice": timedelta(days=1)})
    four = tuple(domain(n) for n in (1, 2, 3, 4))
    expected = "4 domains left at 1d each for its notice end 1h after the due date 2026-03-04 12:00:00+00:00"
    assert expected == next_stop(train(cycle(*four, due_at=NOW + timedelta(days=3)), pool=days)).at_risk
    assert "" == next_stop(train(cycle(*four, due_at=NOW + timedelta(days=3, hours=1)), pool=days)).at_risk


def test_a_domain_that_a_visit_of_another_pool_waits_for_goes_before_one_whose_jobs_were_told():
    told = domain(1, NOTICED, noticed_at=ago(hours=1))
    called = {"invited": frozenset({"d003"})}

    assert (NOTICE, "d003") == answer(cycle(told, domain(2), domain(3)), **called)
    assert "d003 is the next stop: a visit of another pool waits for it" == said(
        cycle(told, domain(2), domain(3)), **called
    )
    assert (VISIT, "d003") == answer(cycle(told, domain(2), domain(3, NOTICED, noticed_at=ago(hours=1))), **called)
    assert (NOTICE, "d003") == answer(
        cycle(told, domain(2, VISITING, visit=RUNNING), domain(3)), open_visits=(RUNNING,), **called
    )


def test_a_domain_that_jobs_gave_back_or_that_is_done_follows_no_call():
    called = {"invited": frozenset({"d002", "d003"})}
    kept, done = domain(2, give_backs=1, ended_at=ago(hours=1)), domain(3, VISITED)

    assert (NOTICE, "d001") == answer(cycle(domain(1), kept, done), **called)


@settings(deadline=None)
@given(st.integers(1, 8), st.randoms(), st.lists(st.integers(0, 3), max_size=60))
def test_every_cycle_ends_with_every_domain_visited_or_its_jobs_named(count, rng, luck):
    """Invariant 9's share: whatever jobs give back, the train visits in bounded steps or says whom it left."""
    now, states = NOW, {i: domain(i) for i in range(1, count + 1)}
    bound = NOW + timedelta(days=2)
    told = 0
    for _ in range(2000):
        found = next_stop(train(cycle(*states.values(), opened_at=NOW, due_at=bound), now=now))
        number = int(found.domain[1:]) if found.domain else 0
        if found.action is CLOSE:
            break
        if found.action is NOTICE:
            told += 1
            states[number] = states[number].model_copy(update={"state": NOTICED, "noticed_at": now})
        elif found.action is VISIT:
            before = states[number]
            assert before.attempts + 1 == found.attempt
            assert now - before.noticed_at >= POOL.notice
            now += timedelta(minutes=20)
            keeps = before.give_backs < (luck[number] if number < len(luck) else 0) * 40 and rng.random() < 0.9
            ended = {"state": DUE, "give_backs": before.give_backs + 1} if keeps else {"state": VISITED}
            update = {**ended, "attempts": found.attempt, "ended_at": now}
            states[number] = before.model_copy(update=update)
        else:
            assert found.until > now, "a wait that ends now is no wait"
            now = found.until
    else:
        raise AssertionError("the cycle never closed")
    left = [s.domain.name for s in states.values() if s.state is not VISITED]
    assert all(name in found.reason for name in left)
    assert told >= count - len(left)


def test_domains_for_which_rollouts_wait_go_first_but_not_before_a_domain_whose_jobs_were_told():
    of = cycle(domain(1), domain(2), domain(3))
    assert (NOTICE, "d003") == answer(of, first=frozenset({"gpu3"}))

    told = cycle(domain(1, NOTICED, noticed_at=ago(hours=1)), domain(2), domain(3))
    assert (VISIT, "d001") == answer(told, first=frozenset({"gpu3"}))


def test_a_domain_that_was_given_back_does_not_go_first_for_a_rollout():
    of = cycle(domain(1, give_backs=1, ended_at=ago(hours=1)), domain(2))

    assert (NOTICE, "d002") == answer(of, first=frozenset({"gpu1"}))


def test_an_emergency_that_goes_before_puts_the_bound_at_risk_in_advance():
    tight = cycle(domain(1), domain(2), due_at=NOW + timedelta(hours=2))

    found = next_stop(train(tight, held_by="emergency/c1/hole", held_seconds=5400.0)).at_risk

    assert "2 domains left at 1h each end 1h30m after the due date" in found
    assert found.endswith("; emergency/c1/hole goes before, for about 1h30m")


def test_a_domain_that_has_become_larger_than_what_may_be_out_is_told_in_advance():
    """Ten hundredths of twenty hosts are two; of nineteen, one of them taken out of service for good, they are one."""
    promised = pool(planned_buffer="10%", floor="80%", domain={"size": 2})
    gone = host("gpu019", decommissioned=True)
    hosts = (*(host(f"gpu{n:03d}") for n in range(19)), gone)
    two = domain(1, VISITING, domain=Domain(name="d001", hosts=("gpu000", "gpu001")), visit=RUNNING)
    stuck = {"pool": promised, "hosts": hosts, "open_visits": (RUNNING,)}

    assert "" == next_stop(train(cycle(two), **{**stuck, "hosts": (*hosts[:19], host("gpu019"))})).at_risk
    risk = next_stop(train(cycle(two), **stuck)).at_risk
    assert "d001: 2 hosts, and no more than 1 of 19 may be out by plan (planned buffer 1, floor 16)" in risk
