"""What was granted where the fleet file changes, and words that a worker dies over."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from activities.avoiding import Avoiding
from activities.notice import give_notice
from activities.visit import Visiting
from fleet import ids
from fleet.models.avoidance import AvoidanceState
from fleet.models.avoidance_messages import AvoidOrder
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import TrainInput, VisitAsk, VisitInput
from fleet.models.train import Visit, VisitState
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document
from tests.steps.looks import Looks
from tests.steps.urgent import signals

TWO_HOURS = "maintrain:avoid until=+2h why=no checkpoint yet"
TRAIN = TrainInput(cluster=CLUSTER, pool=POOL)
GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState


async def another_pool(looks, hosts: str, moved: tuple[str, ...], name: str = "other", **pool) -> None:
    """The fleet file in force has these hosts of the pool in another one, and the members are in step with it."""
    store, now = looks.site.store, datetime.now(UTC)
    document = quiet(fleet_document())
    pools = document["clusters"][0]["pools"]
    more = {**pools[0], "floor": 0, "failure_buffer": 1}
    rest = [{**more, "hosts": {"names": hosts}}] if hosts else []
    pools[:] = [*rest, {**more, "name": name, "hosts": {"names": ",".join(moved)}, **pool}]
    await store.load_fleet(FleetFile.model_validate(document), "another pool", "ann", "racks move", now)
    members = [h.model_copy(update={"pool": name if h.name in moved else h.pool}) for h in await store.hosts(CLUSTER)]
    await store.sync_hosts(CLUSTER, tuple(members), now)


async def test_what_was_granted_follows_its_hosts_into_another_pool(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    granted = (await looks())[job]
    await another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"))
    for _ in range(2):
        moved = (await looks())[job]

    assert (GRANTED, "other", granted.until) == (moved.state, moved.ask.pool, moved.until)
    (old,) = [row for row in await looks.site.store.avoidances(CLUSTER) if row.id == granted.id]
    assert ENDED == old.state
    assert old.reason.startswith("its hosts have another pool now; other: kept away until ")
    assert 2 == len(await looks.site.store.avoidances(CLUSTER)), "it is asked once"


async def test_the_old_pools_train_leaves_hosts_that_were_moved_to_their_new_pool(looks):
    site, visit = looks.site, ids.visit(CLUSTER, POOL, 1, "d002", 1)
    await signals(site)
    job = site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    await looks()
    await another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"))
    await looks()
    assert GRANTED == (await looks())[job].state

    facts = await site.store.train_facts(CLUSTER, POOL, datetime.now(UTC))
    await looks.run(give_notice, looks.deps, facts, "d002")
    assert [] == [row for row in site.world.journal() if row.kind == "job_signalled"]
    made = {"id": visit, "cluster": CLUSTER, "pool": POOL, "cycle": 1, "domain": "d002", "attempt": 1}
    await site.store.open_visit(Visit(**made, state=VisitState.WAITING, opened_at=datetime.now(UTC)))
    ask = VisitAsk(input=VisitInput(cluster=CLUSTER, pool=POOL, visit=visit, domain="d002"))
    asked = await looks.run(Visiting(looks.deps).ask_for_hosts, ask)
    assert (False, "0 of 2 hosts are free to take") == (asked.granted, asked.reason)
    why = "no longer in the pool: it is in other"
    assert {"gpu004": why, "gpu005": why} == (await site.store.visit(visit)).left_out


async def test_a_gang_over_two_pools_keeps_all_its_hosts_when_they_come_together(looks):
    await another_pool(looks, "gpu[001-005]", ("gpu006",))
    job = looks.site.world.submit_job(hosts=("gpu005", "gpu006"), comment=TWO_HOURS)
    granted = (await looks())[job]
    await another_pool(looks, "gpu[001-004]", ("gpu005", "gpu006"))
    for _ in range(2):
        await looks()

    standing = await looks.site.store.avoidances(CLUSTER, over=False)
    assert [("other", ("gpu005", "gpu006"))] == [(row.ask.pool, row.ask.hosts) for row in standing]
    assert timedelta(seconds=5) > abs(standing[0].until - granted.until)


async def test_what_the_new_pool_of_its_hosts_does_not_grant_is_taken_back(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    granted = (await looks())[job]
    await another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"), avoidance={"budget_per_job": "0s"})
    assert REFUSED == (await looks())[job].state

    (old,) = [row for row in await looks.site.store.avoidances(CLUSTER) if row.id == granted.id]
    assert REVOKED == old.state
    assert 1 == len(await looks.site.store.event_log(CLUSTER, kind="avoidance_revoked"))
    assert "maintrain: refused: " in await looks.note(job)


async def test_what_stands_in_a_pool_that_is_gone_is_taken_back_and_ends_no_look(looks):
    jobs = [looks.site.world.submit_job(hosts=(host,), comment=TWO_HOURS) for host in ("gpu004", "gpu005")]
    await looks()
    document = quiet(fleet_document())
    document["clusters"][0]["pools"][0] |= {"name": "new"}
    store, now = looks.site.store, datetime.now(UTC)
    await store.load_fleet(FleetFile.model_validate(document), "renamed", "ann", "a better name", now)
    rows = await looks()

    assert [REVOKED, REVOKED] == [rows[job].state for job in jobs]
    assert f"taken back: the pool is gone, the fleet file has no {POOL} in {CLUSTER}" == rows[jobs[0]].reason
    assert 2 == len(await store.event_log(CLUSTER, kind="avoidance_revoked"))
    assert "the pool is gone" in await looks.note(jobs[0])


async def test_a_word_to_withdraw_that_was_claimed_and_not_done_is_done_by_the_next_worker(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment=TWO_HOURS)
    granted = (await looks())[job]
    looks.site.world.comment_job(job, "maintrain:withdraw")
    digest = sha256(b"withdraw").hexdigest()[:12]
    assert await looks.site.store.first_time(f"avoid/{CLUSTER}/{job}.0/{digest}", datetime.now(UTC)), "and died then"

    assert (granted.id, WITHDRAWN) == ((row := (await looks())[job]).id, row.state)
    order = AvoidOrder(request="u1", job=job, until="+2h", actor="ann", reason="once more")
    await looks.run(Avoiding(looks.deps).avoid, TRAIN, order)
    assert GRANTED == (await Looks(looks.site)())[job].state, "an old word takes back nothing that was asked since"


async def test_a_word_to_withdraw_that_is_heard_again_long_after_it_was_done_is_not_answered(looks):
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:withdraw")
    digest = sha256(b"withdraw").hexdigest()[:12]
    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    await looks.site.store.first_claim(f"avoid/{CLUSTER}/{job}.0/{digest}", long_ago)
    await looks()
    assert "" == await looks.note(job)
