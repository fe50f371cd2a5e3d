"""Looks of an operation on a real store with two clusters, and without an engine."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.deps import Deps
from activities.operation import Operating
from activities.operation_boarding import OperationBoarding
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.observation import Observation, ObservedHost
from fleet.models.operation import OperationChange, OperationSpec, OperationState
from fleet.models.operation_messages import OperationAction, OperationBoard, OperationInput
from fleet.models.scheduler import Node, NodeBase
from fleet.models.scope import ScopePart
from fleet.policy.grants import settle
from store import open_store
from tests.parts.facts import new_facts
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, fleet_document

OTHER = "sim2"
HOSTS = tuple(f"gpu{n:03}" for n in range(1, 10))
DOWN = "gpu003"


class Engine:
    """Runs what the test says."""

    def __init__(self) -> None:
        self.runs: set[str] = set()

    async def running(self, workflow_id: str) -> bool:
        return workflow_id in self.runs


class Looks:
    """Two clusters of nine hosts each, gpu003 of either down, and an operation on it."""

    def __init__(self, store) -> None:
        self.store, self.engine = store, Engine()
        self.deps = Deps(store=store, hands={}, pager=None, engine=self.engine)
        self.operating = Operating(self.deps)

    @classmethod
    async def open(cls, folder) -> "Looks":
        document = quiet(fleet_document(9, 3, planned_buffer=6, floor=2))
        document["clusters"].append({**deepcopy(document["clusters"][0]), "name": OTHER})
        looks = cls(await open_store(new_facts(folder / "facts.db")))
        await looks.store.load_fleet(FleetFile.model_validate(document), "the file", "ann", "begin", datetime.now(UTC))
        for cluster in (CLUSTER, OTHER):
            await looks.observe(cluster, (DOWN,))
        return looks

    async def drop(self, cluster) -> None:
        """Out of the fleet file, though work on it is open."""
        fleet = (await self.store.fleet()).fleet
        left = fleet.model_copy(update={"clusters": tuple(c for c in fleet.clusters if c.name != cluster)})
        await self.store.load_fleet(left, "another", "ann", "drop", datetime.now(UTC))

    async def observe(self, cluster, down=(), after=0) -> None:
        now = datetime.now(UTC) + timedelta(seconds=after)
        members = tuple(Host(cluster=cluster, name=n, pool=POOL, rack="r1", since=now) for n in HOSTS)
        await self.store.sync_hosts(cluster, members, now)
        bases = {n: NodeBase.DOWN if n in down else NodeBase.IDLE for n in HOSTS}
        seen = {n: ObservedHost(host=n, node=Node(name=n, base=base)) for n, base in bases.items()}
        await self.store.record_observation(Observation(cluster=cluster, began_at=now, hosts=seen))

    async def submit(self, *scope, **changes) -> str:
        parts = (ScopePart(cluster=c, kind="host", name=names) for c, names in scope)
        given = {"kind": "service-rack-power", "not_with": ("upgrade-host",), "duration": timedelta(minutes=5)}
        spec = OperationSpec(**{**given, "scope": tuple(parts), "actor": "ann", "reason": "go", "key": "k", **changes})
        op, _ = await self.store.submit_operation(spec, datetime.now(UTC))
        return op.id

    async def look(self, op_id="op/1"):
        order = OperationInput(operation=op_id, cluster=CLUSTER)
        return await ActivityEnvironment().run(self.operating.review_operation, order)

    async def asking(self, *scope, **changes) -> str:
        """Submitted, and its requests filed."""
        op_id = await self.submit(*scope, **changes)
        assert (OperationAction.AGAIN, "asking") == answer(await self.look())
        assert (OperationAction.WAIT, "asking") == answer(await self.look())
        return op_id

    async def settle(self, cluster=CLUSTER) -> None:
        await self.store.settle(cluster, datetime.now(UTC), settle)

    async def board(self, cluster=CLUSTER):
        order = OperationBoard(operation="op/1", cluster=cluster)
        return (await ActivityEnvironment().run(OperationBoarding(self.deps).board_operation, order)).works


def as_granted(op):
    return OperationChange(op.model_copy(update={"state": OperationState.PREPARING}))


def as_over(op):
    return OperationChange(op.model_copy(update={"state": OperationState.CANCELLED}))


def answer(review):
    return review.action, review.state
