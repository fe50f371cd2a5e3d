"""A visit that asks for its hosts calls other pools' trains, follows a call, or goes alone, by aligned rollouts."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.visit import Visiting
from fleet import ids
from fleet.errors import Unreachable
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.messages import VisitAsk, VisitInput
from fleet.models.observation import Observation, ObservedHost
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import RolloutChange
from fleet.models.scheduler import Node, NodeBase
from fleet.models.stop import Stop, StopKind
from fleet.models.train import Domain, Visit, VisitState
from fleet.policy.grants import settle
from store import open_store
from tests.parts.facts import new_facts
from tests.scenarios.site import CLUSTER, POOL, fleet_document

STORAGE = "sto"
DOMAINS = {POOL: ("gpu001", "gpu002", "gpu003"), STORAGE: ("sto001", "sto002", "sto003")}
SPANNED = ("gpu001", "sto002")
"""Hosts of the one job there is."""
SPEC = {"component": "gpu-driver", "version": "550.2", "prior": "550.1", "phases": [{"name": "everywhere"}]}
ALIGNED = {**SPEC, "aligned": {"by": "rack", "wait": "30s"}}


class Trains:
    """An engine in which every train runs; some can't be reached."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.deaf = False

    async def running(self, workflow_id: str) -> bool:
        return True

    async def wake(self, workflow_id: str) -> None:
        if self.deaf:
            raise Unreachable("Temporal does not answer")
        self.woken.append(workflow_id)


class Meeting:
    """Two pools with a domain each in one rack, under visits that have not asked yet; a job spans them."""

    def __init__(self, store) -> None:
        self.store, self.trains = store, Trains()
        self.visiting = Visiting(Deps(store=store, hands={}, pager=None, engine=self.trains))

    @classmethod
    async def open(cls, folder, spec):
        document = fleet_document(hosts=3)
        compute = document["clusters"][0]["pools"][0]
        document["clusters"][0]["pools"].append({**compute, "name": STORAGE, "hosts": {"names": "sto[001-003]"}})
        now, site = datetime.now(UTC), cls(await open_store(new_facts(folder / "facts.db")))
        await site.store.load_fleet(FleetFile.model_validate(document), "the file", "ann", "begin", now)
        members = {n: pool for pool, names in DOMAINS.items() for n in names}
        hosts = [Host(cluster=CLUSTER, name=n, pool=pool, rack="r1", since=now) for n, pool in members.items()]
        await site.store.sync_hosts(CLUSTER, tuple(hosts), now)
        for pool, names in DOMAINS.items():
            await site._visit(pool, names, now)
        await site.look(now)
        await site._roll_out(RolloutSpec.model_validate({**spec, "clusters": [CLUSTER]}), now)
        return site

    async def _visit(self, pool, names, now):
        await self.store.open_cycle(CLUSTER, pool, 1, (Domain(name="d001", hosts=names),), now, now + timedelta(days=1))
        visit = {"id": visit_of(pool).visit, "cluster": CLUSTER, "pool": pool, "cycle": 1, "domain": "d001"}
        await self.store.open_visit(Visit(**visit, attempt=1, state=VisitState.WAITING, opened_at=now))

    async def _roll_out(self, spec, now):
        await self.store.start_rollout(spec, "ann", "begin", now)
        await self.store.change_rollout(spec.id, lambda r: RolloutChange(r.model_copy(update={"phase": 0})))

    async def look(self, now):
        """An observation; the job is on a host of each pool."""
        seen = {
            n: ObservedHost(host=n, node=Node(name=n, base=NodeBase.IDLE), jobs=("7",) if n in SPANNED else ())
            for names in DOMAINS.values()
            for n in names
        }
        await self.store.record_observation(Observation(cluster=CLUSTER, began_at=now, hosts=seen))

    async def ask(self, pool):
        """One look of the pool's visit at its request."""
        return await ActivityEnvironment().run(self.visiting.ask_for_hosts, VisitAsk(input=visit_of(pool)))

    async def requests(self):
        """Waiting ones, by pool."""
        found = (await self.store.facts(CLUSTER, datetime.now(UTC))).requests
        return {ids.place_of(r.holder)[0]: r for r in found}

    async def settle(self, later=0):
        """Pools whose visits are granted so many seconds from now."""
        now = datetime.now(UTC) + timedelta(seconds=later)
        decided = await self.store.settle(CLUSTER, now, settle)
        return {g.request.split("/")[2] for g in decided.grants}


def visit_of(pool: str) -> VisitInput:
    return VisitInput(cluster=CLUSTER, pool=pool, visit=ids.visit(CLUSTER, pool, 1, "d001", 1), domain="d001")


@pytest.fixture
async def meeting(tmp_path):
    opened = await Meeting.open(tmp_path, ALIGNED)
    yield opened
    await opened.store.close()


async def test_the_first_calls_the_other_follows_and_both_are_granted_at_once(meeting):
    await meeting.ask(POOL)
    assert [ids.train(CLUSTER, STORAGE)] == meeting.trains.woken
    assert set() == await meeting.settle()
    assert {"d001"} == (await meeting.store.train_facts(CLUSTER, STORAGE, datetime.now(UTC))).invited
    await meeting.ask(STORAGE)

    asked = await meeting.requests()
    assert {visit_of(POOL).visit} == {r.joint.key for r in asked.values()}
    assert {POOL, STORAGE} == await meeting.settle()


async def test_a_look_at_a_request_that_waits_leaves_it_and_calls_again(meeting):
    await meeting.ask(POOL)
    before = await meeting.requests()
    await meeting.ask(POOL)

    assert before == await meeting.requests()
    assert [ids.train(CLUSTER, STORAGE)] * 2 == meeting.trains.woken


async def test_a_train_that_can_not_be_told_keeps_no_visit_from_asking(meeting):
    meeting.trains.deaf = True
    await meeting.ask(POOL)

    assert {POOL} == set(await meeting.requests())


async def test_the_train_of_a_pool_that_is_stopped_is_not_called(meeting):
    stop = Stop(kind=StopKind.STOP, cluster=CLUSTER, pool=POOL, actor="ann", reason="power work", at=datetime.now(UTC))
    await meeting.store.set_stop(stop)
    await meeting.ask(STORAGE)

    assert (await meeting.requests())[STORAGE].joint is None
    assert [] == meeting.trains.woken
    assert {STORAGE} == await meeting.settle()


async def test_the_caller_goes_alone_when_its_time_is_over(meeting):
    await meeting.ask(POOL)
    await meeting.look(datetime.now(UTC) + timedelta(seconds=31))

    assert set() == await meeting.settle(later=25)
    assert {POOL} == await meeting.settle(later=31)


async def test_without_an_aligned_rollout_everyone_asks_for_itself(tmp_path):
    site = await Meeting.open(tmp_path, SPEC)
    await site.ask(POOL)

    assert [] == site.trains.woken
    assert {POOL} == await site.settle()
    await site.store.close()
