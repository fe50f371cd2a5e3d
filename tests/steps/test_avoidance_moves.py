"""What was granted where the fleet file changes, and words that a worker dies over."""

from datetime import UTC, datetime
from hashlib import sha256

from activities.avoiding import Avoiding
from fleet.models.avoidance import AvoidanceState
from fleet.models.avoidance_messages import AvoidOrder
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import TrainInput
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document
from tests.steps.looks import Looks

TWO_HOURS = "maintrain:avoid until=+2h why=no checkpoint yet"
TRAIN = TrainInput(cluster=CLUSTER, pool=POOL)
GRANTED, REFUSED, WITHDRAWN, REVOKED, ENDED, READY = AvoidanceState


async def _another_pool(looks, hosts: str, moved: tuple[str, ...], name: str = "other", **pool) -> None:
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
    await _another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"))
    for _ in range(2):
        moved = (await looks())[job]

    assert (GRANTED, "other", granted.until) == (moved.state, moved.ask.pool, moved.until)
    (old,) = [row for row in await looks.site.store.avoidances(CLUSTER) if row.id == granted.id]
    assert ENDED == old.state
    assert old.reason.startswith("its hosts have another pool now; other: kept away until ")
    assert 2 == len(await looks.site.store.avoidances(CLUSTER)), "it is asked once"


async def test_what_the_new_pool_of_its_hosts_does_not_grant_is_taken_back(looks):
    job = looks.site.world.submit_job(hosts=("gpu004", "gpu005"), comment=TWO_HOURS)
    granted = (await looks())[job]
    await _another_pool(looks, "gpu[001-003]", ("gpu004", "gpu005", "gpu006"), avoidance={"budget_per_job": "0s"})
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
