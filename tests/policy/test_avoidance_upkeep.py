"""What becomes of avoidances that were granted."""

from cProfile import Profile
from datetime import timedelta
from pstats import Stats

from fleet.models.avoidance import AvoidanceState
from fleet.models.observation import Observation, ObservedHost
from fleet.models.scheduler import Job, JobKind, JobState
from fleet.models.train import DomainState
from fleet.models.windows import Weekday, Window
from fleet.policy.avoidance_upkeep import (
    ended_by_jobs,
    ended_by_time,
    may_note,
    note_of,
    notes_of,
    plain_note,
    ready_domains,
    renegotiated,
)
from tests.policy.avoidances import ask, domain, facts, hours, row
from tests.policy.make import ago, pool

GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState


def job(number, **changes) -> Job:
    given = {"id": str(number), "state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE, "hosts": (f"h{number}",)}
    return Job(**{**given, **changes})


def test_nothing_is_taken_back_while_the_bound_can_be_met():
    assert () == renegotiated(facts(row(ask(1, hours(9)))))


def test_when_visits_take_longer_the_last_grant_gives_way_first_and_by_no_more_than_it_has_to():
    first = row(ask(1, hours(4), hosts=(1,)), asked_at=ago(hours=2))
    last = row(ask(2, hours(8), hosts=(2,)), asked_at=ago(hours=1))
    (change,) = renegotiated(facts(first, last, visit_seconds=2.5 * 3600))
    # Three visits of 2.5 h are due in 10 h: the last must begin by 7.5 h, less one visit lest it wavers.
    assert ("a2", GRANTED) == (change.id, change.state)
    assert hours(4.9) < change.until <= hours(5)
    assert "the cycle is due at" in change.reason


def test_of_a_cycle_that_is_late_all_the_same_only_what_makes_it_later_is_taken_back():
    rows = (row(ask(1, hours(4)), asked_at=ago(hours=2)), row(ask(2, hours(8), hosts=(2,)), asked_at=ago(hours=1)))
    found = renegotiated(facts(*rows, visit_seconds=3.4 * 3600))
    # Three visits of 3.4 h are due in 10 h: the first goes to d3, and after it d2 can't wait beyond 3.4 h, less one
    # visit. That d1 waits until 4 h costs nothing.
    assert [("a2", REVOKED)] == [(c.id, c.state) for c in found]

    assert () == renegotiated(facts(rows[0], visit_seconds=3.4 * 3600))
    (change,) = renegotiated(facts(rows[1], visit_seconds=3.4 * 3600))
    assert ("a2", GRANTED) == (change.id, change.state)
    assert hours(3.3) < change.until <= hours(3.4)


def test_nothing_is_kept_beyond_the_due_date_though_the_cycle_is_late_all_the_same():
    # Asked before the cycle opened, say. Five visits of 1 h are due in 2 h; that d1 waits until 4 h costs nothing.
    (change,) = renegotiated(facts(row(ask(1, hours(4))), domains=5, due=2))
    assert GRANTED == change.state
    assert hours(0.9) < change.until <= hours(1), "one visit less lest it wavers"
    assert "beyond which no visit is put off" in change.reason
    past = facts(row(ask(1, hours(4))), row(ask(2, hours(3), hosts=(2,))), domains=9, due=-1)
    assert [REVOKED, REVOKED] == [c.state for c in renegotiated(past)]

    closed = Window(days=(Weekday("mon"),), opens="22:00", closes="22:10", zone="UTC")
    late = facts(row(ask(1, hours(4))), row(ask(2, hours(1), hosts=(2,))), due=2)
    train = late.train.model_copy(update={"pool": pool(windows=(closed,))})
    found = renegotiated(late.model_copy(update={"train": train}))
    assert ["a1"] == [c.id for c in found], "where no end is in sight, too, and no more than that"


def test_what_can_not_be_kept_at_all_is_revoked():
    rows = [row(ask(n, hours(4), hosts=(n,)), asked_at=ago(hours=3 - n)) for n in (1, 2, 3)]
    found = renegotiated(facts(*rows, visit_seconds=3.4 * 3600))
    assert [("a3", REVOKED), ("a2", REVOKED)] == [(c.id, c.state) for c in found], "the first waits for them anyway"


def test_what_is_taken_back_is_decided_by_visits_alone_and_not_by_the_notice_before_each():
    kept = facts(row(ask(1, hours(4.5))), due=5)
    promised = kept.train.pool.model_copy(update={"notice": timedelta(hours=2)})
    (change,) = renegotiated(kept.model_copy(update={"train": kept.train.model_copy(update={"pool": promised})}))
    # The last of three visits of 1 h has to begin by 4 h, less one visit lest it wavers.
    assert ("a1", GRANTED) == (change.id, change.state)
    assert hours(2.9) < change.until <= hours(3)


def test_eighty_grants_in_windows_are_renegotiated_with_few_looks_at_the_clocks():
    nightly = Window(days=tuple(Weekday), opens="22:00", closes="06:00", zone="Europe/Berlin")
    rows = [row(ask(n, hours(130 + n / 8), hosts=(n,)), asked_at=ago(minutes=n)) for n in range(1, 81)]
    late = facts(*rows, domains=80, due=280)
    train = late.train.model_copy(update={"pool": pool(windows=(nightly,))})
    profile = Profile()
    found = profile.runcall(renegotiated, late.model_copy(update={"train": train}))
    # Eighty visits, seven a night, are to end in the twelfth night: what is not left to seven of them gives way.
    assert 80 - 7 * 7 <= len(found)
    assert 1_000_000 > Stats(profile).total_calls


def test_what_gives_way_in_vain_stays():
    rows = (row(ask(1, hours(8)), asked_at=ago(hours=2)), row(ask(2, hours(1), hosts=(2,)), asked_at=ago(hours=1)))
    found = renegotiated(facts(*rows, visit_seconds=2.5 * 3600))
    assert [("a1", GRANTED)] == [(c.id, c.state) for c in found]


def test_avoidances_end_with_their_date_and_with_their_job():
    rows = (row(ask(1), ago(seconds=1)), row(ask(2)), row(ask(3)), row(ask(4)), row(ask(5, job="", hosts=(5,))))
    assert ["a1"] == [c.id for c in ended_by_time(rows, hours(0))]

    jobs = {"1": job(1), "2": job(2), "3": job(3, restarts=1), "4": job(4, state=JobState.OTHER)}
    found = {c.id: c for c in ended_by_jobs(rows, jobs)}
    assert {"a3": WITHDRAWN, "a4": WITHDRAWN} == {key: c.state for key, c in found.items()}
    assert "job 3 was started anew" == found["a3"].reason
    assert {"a1", "a2", "a3", "a4"} == {c.id for c in ended_by_jobs(rows, {})}, "an owner's request has no job"


def test_a_domain_is_ready_when_all_its_jobs_said_so_after_their_notice():
    domains = [domain(1, DomainState.NOTICED, noticed_at=ago(minutes=5))]
    cycle = facts(domains=domains).train.cycle
    look = Observation(
        cluster="c1",
        began_at=ago(minutes=1),
        hosts={"h1": ObservedHost(host="h1", node=None, jobs=("1", "2"))},
    )
    one, other = (row(ask(n), state=READY, asked_at=ago(minutes=2)) for n in (1, 2))
    early = other.model_copy(update={"asked_at": ago(minutes=6)})

    assert {"d1"} == ready_domains(cycle, (one, other), look)
    assert set() == ready_domains(cycle, (one,), look)
    assert set() == ready_domains(cycle, (one, early), look)
    assert set() == ready_domains(cycle, (one, other), None)
    assert set() == ready_domains(cycle, (one, other), look.model_copy(update={"began_at": ago(minutes=6)}))


def test_a_job_reads_what_the_trains_of_all_its_pools_answered_to_its_last_request():
    gang = job(7, hosts=("h1", "h2"))
    here = row(ask(7, id="avoid/comment/k/gpu", pool="gpu"), asked_at=ago(minutes=2))
    there = row(ask(7, id="avoid/comment/k/big", pool="big", hosts=(2,)), state=REFUSED, reason="full " * 60)
    told = notes_of((here, there), {"7": gang})["7"]
    assert told.startswith("maintrain: big: refused: full full")
    assert told.endswith("; gpu: granted: so it is")
    assert 250 >= len(told)
    assert {"7": "maintrain: gpu: granted: so it is"} == notes_of((here,), {"7": gang}), "not of all its hosts"

    noted = {"7": gang.model_copy(update={"note": told})}
    assert {"7": told} == notes_of((here,), noted), "what was refused is over, and read for a while only"
    ended = here.model_copy(update={"state": ENDED})
    assert {"7": "maintrain: gpu: ended: so it is"} == notes_of((ended,), noted)
    longer = row(ask(7, id="avoid/comment/l/gpu", pool="gpu", hosts=(1, 2)), reason="longer")
    assert {"7": "maintrain: granted: longer"} == notes_of((longer,), noted)
    assert {"7": "maintrain: granted: longer"} == notes_of((here, there, longer), {"7": gang})
    assert {} == notes_of((row(ask(1, job="")),), {}), "an owner's request has no job"


def test_notes_are_plain_and_somebody_elses_are_left_alone():
    told = note_of([row(ask(), reason='kept "away" until `x`\n$(reboot)' + "y" * 300)])
    assert told.startswith("maintrain: granted: kept  away  until  x   (reboot)")
    assert 250 >= len(told)
    assert set() == set(told) & set("\"`$\n'")
    assert [True, True, False] == [may_note(job(1, note=note)) for note in ("", plain_note("x"), "ask ops")]
