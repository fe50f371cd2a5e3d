"""`Dispatcher`: the only place where budgets compose, one per cluster."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.dispatcher import Dispatching
    from activities.hand_over import HandingOver
    from fleet import ids
    from fleet.models.emergency_messages import EmergencyInput
    from fleet.models.messages import ClusterInput, HandOver, Observed, Settled
    from fleet.models.operation_messages import OperationInput
    from fleet.models.pin_messages import PinInput
    from fleet.models.work import HostWork
    from workflows.attributes import of_cluster
    from workflows.continuing import time_to_continue
    from workflows.domain_visit import start_repair
    from workflows.emergency_train import EmergencyTrain
    from workflows.operation import Operation
    from workflows.options import AFTER_FAILURE, BOARD, RESCUES_AT_ONCE, TELL_AGAIN, at
    from workflows.ordering import Orders
    from workflows.pin_switch import PinSwitch
    from workflows.priorities import priority_of
    from workflows.telling import Note, tell


@workflow.defn(name="Dispatcher")
class Dispatcher:
    """Collect wake-ups; observe on a cadence; settle; tell the holders, again until they acknowledge."""

    @workflow.init
    def __init__(self, cluster: ClusterInput) -> None:
        self.cluster = cluster.cluster
        self.orders = Orders(cluster.cluster)
        self.woken = self.looked = self.over = False
        self.book = "not observed yet"
        self.rescues: dict[str, asyncio.Task[None]] = {}

    @workflow.run
    async def run(self, cluster: ClusterInput) -> None:
        """Without end; continues as new when the server suggests it."""
        # Beside the settling: neither waits for the other's answer, which may be long in coming.
        looking = asyncio.create_task(self._look())
        again: timedelta | None = None
        while not time_to_continue():
            # Not before the first look: a cluster that nobody has seen yet would count as one that can't be seen.
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: (self.woken and self.looked) or looking.done(), timeout=again)
            if looking.done():
                looking.result()  # what is nobody's to handle fails the workflow task, and shows
            self.woken = False
            again = await self._settle()
        self.over = True
        looking.cancel()
        await workflow.wait((looking,))
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(cluster)

    async def _settle(self) -> timedelta | None:
        """Settle and tell the holders; after what time those that have not acknowledged are to be told again."""
        try:
            settled: Settled = await workflow.execute_activity_method(
                Dispatching.settle, ClusterInput(cluster=self.cluster), **at(self.cluster, "settle")
            )
        except ActivityError as error:
            # The cluster's only dispatcher outlives whatever went wrong: it settles again after a while.
            workflow.logger.error(f"the dispatcher of {self.cluster} can't settle: {error.cause or error}")
            return AFTER_FAILURE
        await asyncio.gather(*(tell(holder, "granted") for holder in settled.holders))
        return TELL_AGAIN if settled.holders else None

    async def _look(self) -> None:
        """Observe on the cluster's cadence, and have what was seen settled."""
        while not self.over:
            pause = AFTER_FAILURE
            try:
                pause = await self._observe()
            except ActivityError as error:
                workflow.logger.error(f"the dispatcher of {self.cluster} can't observe: {error.cause or error}")
            self.looked = self.woken = True
            await asyncio.sleep(0 if self.over else pause.total_seconds())

    async def _observe(self) -> timedelta:
        """One look; the pause until the next one."""
        observed: Observed = await workflow.execute_activity_method(
            Dispatching.observe, ClusterInput(cluster=self.cluster), **at(self.cluster, "observe", BOARD)
        )
        self.book = observed.ledger
        workflow.set_current_details(observed.ledger)
        for lost in (*observed.ownerless, *observed.opened):
            full = sum(not task.done() for task in self.rescues.values()) >= RESCUES_AT_ONCE
            if full and workflow.patched("rescues-at-once"):
                break  # those that are left are found again
            under_way = self.rescues.get(lost.work.host)
            if under_way is None or under_way.done():
                self.rescues[lost.work.host] = asyncio.create_task(self._rescue(lost))
        for switch in observed.lost_switches:
            await self._take_up(PinSwitch.run, PinInput(switch=switch, cluster=self.cluster), switch, "pin switch")
        for operation in observed.lost_operations:
            lost_op = OperationInput(operation=operation, cluster=self.cluster)
            await self._take_up(Operation.run, lost_op, operation, "operation")
        for emergency in observed.lost_emergencies:
            lost_train = EmergencyInput(emergency=emergency, cluster=self.cluster)
            await self._take_up(EmergencyTrain.run, lost_train, emergency, "emergency train")
        for host in observed.undrained:
            await tell(ids.host(self.cluster, host), "undrained")
        for host in observed.back:
            await tell(ids.host(self.cluster, host), "back")
        for host in observed.given:
            await tell(ids.host(self.cluster, host), "given")
        return timedelta(seconds=observed.next_look_seconds)

    async def _take_up(self, run: Any, argument: object, workflow_id: str, what: str) -> None:  # noqa: ANN401
        """Give rows that lost their workflow, or never had one, a workflow again: it finds out from them what is left
        to do.
        """
        try:
            await workflow.start_child_workflow(
                run,
                argument,
                id=workflow_id,
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"{what} {workflow_id}, taken up again",
                search_attributes=of_cluster(self.cluster),
                priority=priority_of(workflow_id),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info(f"{workflow_id} runs again already")

    async def _rescue(self, lost: HandOver) -> None:
        """Bring an ownerless host into repair, beside the loop: its cluster may not answer for hours.

        What a run that continues leaves undone, the next look finds again.
        """
        try:
            repair: HostWork = await workflow.execute_activity_method(
                HandingOver.hand_over, lost, **at(self.cluster, f"hand over {lost.work.host}")
            )
            await start_repair(repair)
        except ActivityError as error:
            workflow.logger.error(f"{lost.work.host} could not be handed over: {error.cause or error}")

    async def _order(self, verb: str, note: Note) -> None:
        for pool in await self.orders.write(verb, note):
            await tell(ids.train(self.cluster, pool), "wake")
        self.woken = True

    @workflow.signal(description="Something changed: settle anew")
    def wake(self) -> None:
        """Settle anew."""
        self.woken = True

    @workflow.signal(description="Stop the cluster: no grant, no drain begins; hosts end at their next safe point")
    async def stop(self, note: Note = None) -> None:
        """Stop the cluster."""
        await self._order("stop", note)

    @workflow.signal(description="Freeze the cluster: nothing disruptive begins; verified hosts may return")
    async def freeze(self, note: Note = None) -> None:
        """Freeze the cluster."""
        await self._order("freeze", note)

    @workflow.signal(description="Lift the stops and freezes of the whole cluster, and resume its autostops")
    async def resume(self, note: Note = None) -> None:
        """Resume the cluster."""
        await self._order("resume", note)

    @workflow.query(description="Who holds what, counts in each set, the queue and the reason of every wait")
    def ledger(self) -> str:
        """The ledger in markdown, as of the last observation."""
        return self.book
