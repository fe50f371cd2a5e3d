"""What comes between a look and what follows from it: words, dates, moves and ends that cross one another."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.avoidance_door import AvoidanceDoor, job_wish, running_job
from activities.avoidance_looks import MOST_AT_ONCE
from activities.avoidance_notes import JobNotes
from activities.avoiding import Avoiding
from activities.deps import Deps
from activities.looking import look
from activities.train import Planning
from drivers.registry import OpenDrivers
from fleet import ids
from fleet.errors import Refused
from fleet.models.avoidance import AvoidanceSource, AvoidanceState
from fleet.models.avoidance_messages import AvoidOrder
from fleet.models.messages import TrainInput
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.models.train import Domain, StopAction
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.looks import Looks
from tests.steps.test_avoidance_moves import another_pool
from tests.steps.urgent import signals

TWO_HOURS = "maintrain:avoid until=+2h why=no checkpoint yet"
TRAIN = TrainInput(cluster=CLUSTER, pool=POOL)
GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState


class Driver:
    """A scheduler on which something happens while it is read, and that writes no note on some jobs."""

    def __init__(self, inner, while_read=None, closed=()) -> None:
        self.inner, self.while_read, self.closed = inner, while_read, closed

    async def view(self, not_before: float = 0.0):
        found = await self.inner.view(not_before)
        if self.while_read is not None:
            happens, self.while_read = self.while_read, None
            await happens()
        return found

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        await self.inner.signal_jobs(jobs, signal)

    async def note_on_job(self, job: str, note: str) -> None:
        if job in self.closed:
            raise Refused(f"job {job} takes no note")
        await self.inner.note_on_job(job, note)


def deps_with(looks, driver: Driver) -> Deps:
    hands = looks.site.hands
    drivers = OpenDrivers(scheduler=driver, hardware=hands.hardware, verifier=hands.verifier)
    return Deps(store=looks.site.store, hands={CLUSTER: drivers}, pager=looks.site.pages, engine=looks.engine)


async def keep(looks, job: str, length: timedelta, key: str = "k") -> None:
    """The job asks at once, as by HTTP."""
    found = await running_job(looks.site.hands.scheduler, job)
    wish = job_wish(CLUSTER, found, f"{CLUSTER}/{job}/{key}", AvoidanceSource.HTTP)
    rows = await AvoidanceDoor(looks.site.store).ask(replace(wish, until=datetime.now(UTC) + length))
    assert {GRANTED} == {row.state for row in rows}


def signalled(looks) -> list[str]:
    return [row.job for row in looks.site.world.journal() if row.kind == "job_signalled"]


async def test_a_date_beyond_the_due_date_of_a_late_cycle_does_not_have_jobs_told_again_and_again(looks):
    await signals(looks.site)
    store, now = looks.site.store, datetime.now(UTC)
    await store.close_cycle(CLUSTER, POOL, 1, now)
    job = looks.site.world.submit_job(hosts=("gpu001",))
    await keep(looks, job, timedelta(seconds=4))
    names = (("gpu001",), ("gpu002", "gpu003"), ("gpu004", "gpu005"))
    domains = tuple(Domain(name=f"d{n:03}", hosts=hosts) for n, hosts in enumerate(names, 1))
    await store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await store.open_cycle(CLUSTER, POOL, 2, domains, now, now)

    plan = Planning(looks.deps)
    stops = [await looks.run(plan.plan_stop, TRAIN) for _ in range(4)]
    notices = [stop.domain for stop in stops if stop.action is StopAction.NOTICE]
    assert len(set(notices)) == len(notices)
    assert [job] == signalled(looks)[:1]
    assert len(set(signalled(looks))) == len(signalled(looks))


async def test_jobs_whose_visit_is_put_off_while_late_ones_are_told_hear_of_the_next_one(looks):
    await signals(looks.site)
    world = looks.site.world
    first, second = (world.submit_job(hosts=(host,)) for host in ("gpu001", "gpu002"))
    await looks.run(Planning(looks.deps).plan_stop, TRAIN)
    assert [first, second] == sorted(signalled(looks))

    async def asks() -> None:
        await keep(looks, first, timedelta(hours=2))

    crossed = Planning(deps_with(looks, Driver(looks.site.hands.scheduler, asks)))
    await looks.run(crossed.plan_stop, TRAIN)
    assert [first, second] == sorted(signalled(looks)), "nobody is told of a visit that was put off"
    prefix = f"{ids.notices(CLUSTER, POOL, 1, 'd001')}/"
    assert 0 == await looks.site.store.count_claims(prefix), "and all are told of the next one"


async def test_jobs_are_not_told_of_a_visit_that_was_put_off_while_the_scheduler_was_read(looks):
    await signals(looks.site)
    jobs = [looks.site.world.submit_job(hosts=(host,)) for host in ("gpu001", "gpu002")]

    async def asks() -> None:
        await keep(looks, jobs[0], timedelta(hours=2))

    crossed = Planning(deps_with(looks, Driver(looks.site.hands.scheduler, asks)))
    stop = await looks.run(crossed.plan_stop, TRAIN)
    assert (StopAction.NOTICE, "d001", []) == (stop.action, stop.domain, signalled(looks))
    assert "d002" == (await looks.run(Planning(looks.deps).plan_stop, TRAIN)).domain


async def test_a_gang_over_two_pools_reads_what_both_trains_answer(looks):
    await another_pool(looks, "gpu[001-005]", ("gpu006",), avoidance={"budget_per_job": "0s"})
    job = looks.site.world.submit_job(hosts=("gpu005", "gpu006"), comment=TWO_HOURS)
    await looks()
    rows = {row.ask.pool: row.state for row in await looks.site.store.avoidances(CLUSTER)}
    assert {POOL: GRANTED, "other": REFUSED} == rows
    note = await looks.note(job)
    assert note.startswith("maintrain: other: refused: ")
    assert f"; {POOL}: granted: kept away until " in note

    looks.site.world.comment_job(job, "maintrain:withdraw")
    await looks()
    assert (await looks.note(job)).startswith(f"maintrain: {POOL}: withdrawn: ")


@pytest.mark.parametrize("word", ["maintrain:ready", "maintrain:withdraw"])
async def test_a_look_that_stood_still_takes_back_nothing_that_was_granted_since(looks, word):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+1h")
    await looks()
    looks.site.world.comment_job(job, word)
    stood_still = await looks.run(look, looks.deps, CLUSTER)
    looks.site.world.comment_job(job, "maintrain:avoid until=+4h")
    assert GRANTED == (await Looks(looks.site)())[job].state

    await looks.run(looks.looks.look, CLUSTER, *stood_still)
    (row,) = await looks.site.store.avoidances(CLUSTER, over=False)
    assert (GRANTED, True) == (row.state, row.until - row.asked_at > timedelta(hours=3))

    looks.site.world.comment_job(job, f"{word} 2")
    await looks()
    standing = await looks.site.store.avoidances(CLUSTER, over=False)
    assert [] == [row for row in standing if row.state is GRANTED], "said again, it is heard"


async def test_what_ended_with_its_job_follows_no_host(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    await looks()
    await another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"))
    looks.site.world.end_job(job)
    await looks()
    assert [WITHDRAWN] == [row.state for row in await looks.site.store.avoidances(CLUSTER)]


async def test_a_job_that_is_ready_gives_up_what_it_was_granted_in_the_pool_its_hosts_have_left(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    await looks()
    await another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"))
    looks.site.world.comment_job(job, "maintrain:ready")
    for _ in range(2):
        await looks()
    standing = await looks.site.store.avoidances(CLUSTER, over=False)
    assert [("other", READY)] == [(row.ask.pool, row.state) for row in standing]


async def test_what_was_granted_for_hosts_that_are_gone_ends_and_says_so(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    await looks()
    store = looks.site.store
    left = [h for h in await store.hosts(CLUSTER) if h.name not in ("gpu004", "gpu005")]
    await store.sync_hosts(CLUSTER, tuple(left), datetime.now(UTC))
    row = (await looks())[job]
    assert (REVOKED, "taken back: none of its hosts is a member of a pool any more") == (row.state, row.reason)


async def test_a_train_hears_that_a_job_takes_its_request_back(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    await looks()
    looks.site.world.comment_job(job, "maintrain:withdraw")
    await looks()
    assert [ids.train(CLUSTER, POOL)] == looks.engine.woken


async def test_a_job_that_takes_no_note_keeps_no_other_from_its_own(looks):
    world = looks.site.world
    jobs = [world.submit_job(hosts=(f"gpu00{n}",), comment=TWO_HOURS) for n in range(1, 6)]
    looks.deps.hands[CLUSTER] = deps_with(looks, Driver(looks.site.hands.scheduler, closed=jobs[:4])).hands[CLUSTER]
    for _ in range(2):
        await looks()
    assert {""} == {await looks.note(job) for job in jobs[:4]}
    assert (await looks.note(jobs[4])).startswith("maintrain: granted: ")


async def test_a_scheduler_that_takes_long_for_each_note_has_the_rest_with_the_next_looks(looks):
    jobs = [looks.site.world.submit_job(hosts=(f"gpu00{n}",)) for n in (1, 2, 4)]
    notes, writing = dict.fromkeys(jobs, "maintrain: granted"), JobNotes(looks.deps, within=0.0)
    written = []
    for _ in range(3):
        view = await looks.site.hands.scheduler.view(not_before=time.monotonic())
        await looks.run(writing.write, CLUSTER, notes, view)
        written.append([await looks.note(job) for job in jobs].count("maintrain: granted"))
    assert [1, 2, 3] == written


async def test_an_update_for_a_job_counts_against_the_user_that_it_names(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",))
    order = AvoidOrder(request="u1", job=job, until="+2h", user="bob", actor="ann", reason="a demo")
    await looks.run(Avoiding(looks.deps).avoid, TRAIN, order)
    (row,) = await looks.site.store.avoidances(CLUSTER)
    assert ("bob", "ann") == (row.ask.user, row.ask.actor)


async def test_words_of_a_job_on_hosts_that_have_yet_to_join_a_pool_are_answered_when_they_have(looks):
    store, members = looks.site.store, await looks.site.store.hosts(CLUSTER)
    await store.sync_hosts(CLUSTER, tuple(h for h in members if h.name != "gpu004"), datetime.now(UTC))
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    for _ in range(2):
        assert {} == await looks()
    assert (await looks.note(job)).startswith("maintrain: not taken down: hosts: ")

    await store.sync_hosts(CLUSTER, members, datetime.now(UTC))
    assert GRANTED == (await looks())[job].state
    assert (await looks.note(job)).startswith("maintrain: granted: ")


async def test_words_that_can_not_be_taken_down_keep_none_that_can_from_its_answer_however_many_they_are(looks):
    store, members = looks.site.store, await looks.site.store.hosts(CLUSTER)
    await store.sync_hosts(CLUSTER, tuple(h for h in members if h.name not in ("gpu004", "gpu005")), datetime.now(UTC))
    said = {"state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE, "user": "ann", "comment": TWO_HOURS}
    jobs = [Job(id=str(1000 + n), hosts=("gpu005",), **said) for n in range(MOST_AT_ONCE)]
    jobs.append(Job(id="9", hosts=("gpu004",), **said))
    view = ClusterView(began=0.0, nodes={}, jobs={job.id: job for job in jobs})
    for _ in range(2):
        await looks.run(looks.looks.look, CLUSTER, view, datetime.now(UTC))
    assert () == await store.avoidances(CLUSTER)

    await store.sync_hosts(CLUSTER, tuple(h for h in members if h.name != "gpu005"), datetime.now(UTC))
    await looks.run(looks.looks.look, CLUSTER, view, datetime.now(UTC))
    assert [("9", GRANTED)] == [(row.ask.job, row.state) for row in await store.avoidances(CLUSTER)]
