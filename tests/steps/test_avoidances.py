"""What the dispatcher's looks make of what jobs say in their comments, on real facts and a simulated scheduler."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.avoiding import Avoiding
from activities.notice import give_notice
from activities.train import Planning
from fleet import ids
from fleet.models.avoidance import AvoidanceState
from fleet.models.avoidance_messages import AvoidOrder, WithdrawOrder
from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import TrainInput
from fleet.models.train import Domain
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document
from tests.steps.looks import Looks

TWO_HOURS = "maintrain:avoid until=+2h why=no checkpoint yet"
TRAIN = TrainInput(cluster=CLUSTER, pool=POOL)
GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState


async def test_a_comment_is_answered_once_and_the_job_can_read_the_answer(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=f"owner=ml; {TWO_HOURS}")
    first = (await looks())[job]
    again = (await looks())[job]

    assert first == again
    assert (GRANTED, "sim", "no checkpoint yet", ("gpu004", "gpu005")) == (
        first.state,
        first.ask.user,
        first.ask.why,
        first.ask.hosts,
    )
    assert (await looks.note(job)).startswith("maintrain: granted: kept away until ")
    notes = [row for row in looks.site.world.journal() if row.kind == "job_note"]
    assert 1 == len(notes)
    another = Looks(looks.site)
    assert first == (await another())[job], "another worker finds what was answered"


async def test_words_that_can_not_be_read_are_answered_with_what_was_expected(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=tomorrow")
    found = (await looks())[job]

    assert REFUSED == found.state
    assert "expected a date such as +2h" in found.reason
    assert (await looks.note(job)).startswith("maintrain: refused: refused: until: expected a date such as +2h")


async def test_a_job_whose_words_can_not_be_taken_down_reads_why(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:withdraw")
    assert {} == await looks()
    expected = f"maintrain: not taken down: nothing that was granted to  {job}  in {CLUSTER} stands"
    assert expected == await looks.note(job)

    looks.site.world.comment_job(job, TWO_HOURS)
    await looks()
    assert (await looks.note(job)).startswith("maintrain: granted: ")


async def test_a_note_of_somebody_else_is_left_alone(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    await looks.site.hands.scheduler.note_on_job(job, "ask ops first")
    assert GRANTED == (await looks())[job].state
    assert "ask ops first" == await looks.note(job)


async def test_an_avoidance_ends_with_its_job_and_its_train_hears_of_it(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    await looks()
    looks.site.world.end_job(job)

    assert (WITHDRAWN, f"job {job} has ended") == ((row := (await looks())[job]).state, row.reason)
    assert [ids.train(CLUSTER, POOL)] == looks.engine.woken


async def test_a_job_that_asks_for_more_and_then_makes_way_is_heard(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    first = (await looks())[job]
    looks.site.world.comment_job(job, "maintrain:avoid until=+4h")
    longer = (await looks())[job]
    assert longer.until - first.until > timedelta(hours=1.9)

    looks.site.world.comment_job(job, "maintrain:ready")
    assert READY == (await looks())[job].state
    assert {} == (await looks.site.store.train_facts(CLUSTER, POOL, datetime.now(UTC))).avoided
    assert [ids.train(CLUSTER, POOL)] == looks.engine.woken


async def test_a_job_says_never_mind(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    await looks()
    looks.site.world.comment_job(job, "maintrain:withdraw")
    assert WITHDRAWN == (await looks())[job].state


async def test_an_avoidance_ends_with_its_date(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+1s")
    assert GRANTED == (await looks())[job].state
    await asyncio.sleep(1.1)
    assert (ENDED, "its date has come") == ((row := (await looks())[job]).state, row.reason)


async def test_a_job_is_told_of_its_visit_by_the_signal_that_it_named(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+1h signal=USR2")
    looks.site.world.submit_job(hosts=("gpu005",))
    await looks()
    looks.site.world.comment_job(job, "maintrain:withdraw")
    await looks()
    facts = await looks.site.store.train_facts(CLUSTER, POOL, datetime.now(UTC))
    for _ in range(2):
        await looks.run(give_notice, looks.deps, facts, "d002")

    told = [(row.job, row.detail["signal"]) for row in looks.site.world.journal() if row.kind == "job_signalled"]
    assert [(job, "USR2")] == told


async def test_an_emergency_gives_notice_only(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+1h signal=USR2")
    await looks()
    now, emergency = datetime.now(UTC), ids.emergency(CLUSTER, "hole")
    spec = {"name": "hole", "cluster": CLUSTER, "upgrades": [{"component": "gpu-driver", "version": "550.3"}]}
    made = Emergency(
        id=emergency,
        spec=EmergencySpec.model_validate(spec),
        targets={"gpu-driver": "550.3"},
        state=EmergencyState.RUNNING,
        started_at=now,
        started_by="ann",
        why="a hole",
        changed_at=now,
    )
    await looks.site.store.start_emergency(made, [EmergencyHost(host="gpu004", pool=POOL, domain="d002")])
    for _ in range(2):
        assert GRANTED == (await looks())[job].state, "the train goes on keeping away"

    assert f"{emergency} goes before what was granted" in await looks.note(job)
    assert 1 == len(await looks.site.store.event_log(CLUSTER, kind="avoidance_overruled"))
    assert 1 == sum(row.kind == "job_signalled" for row in looks.site.world.journal())


async def test_updates_of_a_train_are_answered_by_rows(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",))
    avoiding = Avoiding(looks.deps)
    order = AvoidOrder(request="u1", job=job, until="+2h", actor="ann", reason="a demo")
    first = await looks.run(avoiding.avoid, TRAIN, order)
    assert first == await looks.run(avoiding.avoid, TRAIN, order)
    assert first.startswith("kept away until ")
    (row,) = await looks.site.store.avoidances(CLUSTER)
    assert ids.avoidance("engine", f"{CLUSTER}/u1", POOL) == row.id, "the same key in another cluster is another one"
    assert "withdrawn by bob: over" == await looks.run(
        avoiding.withdraw_avoidance, TRAIN, WithdrawOrder(avoidance=job, actor="bob", reason="over")
    )
    hosts = AvoidOrder(request="u2", hosts=("gpu001", "gpu002"), until="+1h", actor="ann", reason="a demo")
    assert (await looks.run(avoiding.avoid, TRAIN, hosts)).startswith("kept away until ")
    for wrong in (
        order.model_copy(update={"job": "99", "request": "u3"}),
        hosts.model_copy(update={"hosts": ("gpu999",), "request": "u4"}),
        # An update's id is the request where none is given, and nobody checks how long it is.
        hosts.model_copy(update={"request": "u" * 700}),
    ):
        with pytest.raises(ApplicationError) as caught:
            await looks.run(avoiding.avoid, TRAIN, wrong)
        assert caught.value.non_retryable


async def test_what_can_not_be_kept_any_more_is_taken_back_before_the_train_plans(looks):
    store, now = looks.site.store, datetime.now(UTC)
    await store.close_cycle(CLUSTER, POOL, 1, now)
    domains = (Domain(name="d001", hosts=("gpu001", "gpu002")), Domain(name="d002", hosts=("gpu004", "gpu005")))
    await store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await store.open_cycle(CLUSTER, POOL, 2, domains, now, now + timedelta(minutes=10))
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+9m")
    granted = (await looks())[job]
    document = quiet(fleet_document(visit_budget="4m"))
    await store.load_fleet(FleetFile.model_validate(document), "longer visits", "ann", "they are", now)

    planned = await looks.run(Planning(looks.deps).plan_stop, TRAIN)

    (row,) = await store.avoidances(CLUSTER)
    # Two visits of 4 m are due in 10 m: the second must begin by 6 m, and one visit less lest it wavers.
    assert timedelta(minutes=1.8) < row.until - now <= timedelta(minutes=2)
    assert GRANTED == row.state
    assert row.until < granted.until
    assert ("notice", "d001", "") == (planned.action, planned.domain, planned.at_risk)
    assert 1 == len(await store.event_log(CLUSTER, kind="avoidance_revoked"))
    await looks()
    assert "kept away until" in await looks.note(job)
    assert " only, the cycle is due at" in await looks.note(job)
