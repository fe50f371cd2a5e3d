"""A rollout over 10,000 hosts in ten pools, and a train with many domains: on a server that suggests nothing early, by
the bounds that are in force in earnest, no run's history comes to 4,000 events.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from fleet import ids
from fleet.models.messages import Reviewed, RolloutInput, TrainInput, TrainStop, VisitEnd
from fleet.models.phases import GateAction
from fleet.models.train import StopAction
from runtime.workers import workflow_runner
from tests.workflows.conftest import Bench
from tests.workflows.test_continue_as_new import runs
from workflows.maintenance_train import MaintenanceTrain
from workflows.options import HISTORY_AT_MOST
from workflows.registry import ALL
from workflows.rollout import Rollout

MOST_EVENTS = 4000
HOSTS, POOLS, DOMAIN = 10_000, 10, 100
WAKES = 25
"""Of each visit."""
MANY_DOMAINS = 104
DRIVER = "gpu-driver/550.2"


class Timetable:
    """A planner's answers for one pool: notice, visit and wait, domain after domain."""

    def __init__(self, cluster: str, pool: str, domains: int) -> None:
        self.cluster, self.pool = cluster, pool
        self.left = [f"rack{n:03}" for n in range(1, domains + 1)]
        self.noticed = self.open = ""
        self.visited: list[str] = []

    def plan(self, train: TrainInput) -> TrainStop:
        """What the real planner does: while a visit is under way, notice for one domain ahead."""
        after = self.left[0] if self.left else ""
        if after and self.noticed != after:
            self.noticed = after
            return TrainStop(action=StopAction.NOTICE, reason="the next stop", domain=after)
        if self.open or not after:
            return TrainStop(action=StopAction.WAIT, reason="waits for its visit" if self.open else "no cycle asked")
        self.left.pop(0)
        self.open = ids.visit(self.cluster, self.pool, 1, after, 1)
        return TrainStop(action=StopAction.VISIT, reason="due", visit=self.open, domain=after)

    def end(self, visit: str) -> None:
        """A visit told of its end."""
        self.visited.append(visit)
        self.open = ""


@pytest_asyncio.fixture
async def patient(client) -> AsyncIterator[Bench]:
    """A test's cluster on workers of a server with its default bounds."""
    bench = Bench(client, skips=False)
    async with AsyncExitStack() as stack:
        workers = (
            Worker(client, task_queue=ids.WORKFLOW_QUEUE, workflows=ALL, workflow_runner=workflow_runner()),
            Worker(client, task_queue=ids.task_queue(bench.cluster), activities=bench.fakes.activities()),
        )
        for worker in workers:
            await stack.enter_async_context(worker)
        yield bench
        await bench.close()


def reviewed(over: bool) -> Reviewed:
    action = GateAction.END if over else GateAction.HOLD
    return Reviewed(action=action, reason="every host" if over else "hosts to go", state="running", over=over)


async def trains(bench: Bench, tables: dict[str, Timetable]) -> list[WorkflowHandle]:
    """The trains of these pools, begun."""
    bench.fakes.on("plan_stop", lambda train: tables[train.pool].plan(train))
    return [
        await bench.start(
            MaintenanceTrain.run, TrainInput(cluster=bench.cluster, pool=pool), ids.train(bench.cluster, pool)
        )
        for pool in tables
    ]


async def all_lengths(bench: Bench, *workflow_ids: str) -> list[int]:
    return [n for one in workflow_ids for n in await runs(bench, one)]


async def test_a_rollout_over_10000_hosts_in_ten_pools_stays_short_though_every_fourth_host_wakes_it(patient):
    """Harsher than in earnest, where a visit wakes it once for all of its hosts; ten at a time, since as many visits
    end at once as there are trains.
    """
    tables = {f"pool{n}": Timetable(patient.cluster, f"pool{n}", HOSTS // POOLS // DOMAIN) for n in range(1, POOLS + 1)}
    rollout = ids.rollout("gpu-driver", patient.cluster)
    ended = 0

    async def end_visit(end: VisitEnd) -> str:
        nonlocal ended
        for _ in range(WAKES):
            await patient.client.get_workflow_handle(rollout).signal("wake")
        tables[end.input.pool].end(end.input.visit)
        ended += DOMAIN
        return "it ended"

    patient.fakes.on("review_rollout", lambda _: reviewed(over=ended == HOSTS))
    patient.fakes.on("end_visit", end_visit)
    handle = await patient.start(Rollout.run, RolloutInput(rollout=DRIVER, cluster=patient.cluster), rollout)

    started = await trains(patient, tables)

    assert "every host" == await asyncio.wait_for(handle.result(), 200)
    visits = [visit for table in tables.values() for visit in table.visited]
    assert HOSTS == len(visits) * DOMAIN
    lengths = await runs(patient, rollout)
    assert len(visits) * WAKES < sum(lengths)
    others = await all_lengths(patient, *(t.id for t in started), *visits)
    assert [] == [n for n in (*lengths, *others) if n > MOST_EVENTS]


async def test_a_train_with_many_domains_continues_as_new_in_mid_cycle_and_visits_each_once(patient):
    table = Timetable(patient.cluster, "gpu", MANY_DOMAINS)
    expected = [ids.visit(patient.cluster, "gpu", 1, domain, 1) for domain in table.left]

    async def end_visit(end: VisitEnd) -> str:
        table.end(end.input.visit)
        return "it ended"

    patient.fakes.on("end_visit", end_visit)
    (train,) = await trains(patient, {"gpu": table})

    await patient.until(lambda: len(table.visited) == MANY_DOMAINS, "every domain was visited", 200)
    assert expected == table.visited
    lengths = await runs(patient, train.id)
    assert len(lengths) > 1
    assert HISTORY_AT_MOST < max(lengths) <= MOST_EVENTS
