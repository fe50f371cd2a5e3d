"""`Dispatcher`: the only place where budgets compose, one per cluster."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.dispatcher import Dispatching
    from activities.hand_over import HandingOver
    from fleet import ids
    from fleet.models.messages import ClusterInput, Observed, Settled, StopCommand
    from fleet.models.work import HostWork
    from workflows.continuing import time_to_continue
    from workflows.domain_visit import start_repair
    from workflows.options import BOARD, TELL_AGAIN, at
    from workflows.telling import Note, command, tell


@workflow.defn(name="Dispatcher")
class Dispatcher:
    """Collect wake-ups; observe on a cadence; settle; tell the holders, again until they acknowledge."""

    @workflow.init
    def __init__(self, cluster: ClusterInput) -> None:
        self.cluster = cluster.cluster
        self.orders: list[tuple[str, Note]] = []
        self.woken = False
        self.look_at: datetime = workflow.now()
        self.book = "not observed yet"

    @workflow.run
    async def run(self, cluster: ClusterInput) -> None:
        """Without end; continues as new when the server suggests it."""
        while not time_to_continue():
            self.woken = False
            await self._write_orders()
            if workflow.now() >= self.look_at:
                await self._observe()
            settled: Settled = await workflow.execute_activity_method(
                Dispatching.settle, ClusterInput(cluster=self.cluster), **at(self.cluster, "settle")
            )
            for holder in settled.holders:
                await tell(holder, "granted")
            await self._wait(tell_again=bool(settled.holders))
        await self._write_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(cluster)

    async def _observe(self) -> None:
        observed: Observed = await workflow.execute_activity_method(
            Dispatching.observe, ClusterInput(cluster=self.cluster), **at(self.cluster, "observe", BOARD)
        )
        self.look_at = workflow.now() + timedelta(seconds=observed.next_look_seconds)
        self.book = observed.ledger
        workflow.set_current_details(observed.ledger)
        for lost in observed.ownerless:
            try:
                repair: HostWork = await workflow.execute_activity_method(
                    HandingOver.hand_over, lost, **at(self.cluster, f"hand over {lost.work.host}")
                )
            except ActivityError as error:
                # The cluster's only dispatcher must outlive one host; the next look finds it ownerless again.
                workflow.logger.error(f"{lost.work.host} could not be handed over: {error.cause or error}")
                continue
            await start_repair(repair)

    async def _wait(self, *, tell_again: bool) -> None:
        pause = max(self.look_at - workflow.now(), timedelta(0))
        if tell_again:
            pause = min(pause, TELL_AGAIN)
        try:
            await workflow.wait_condition(lambda: self.woken or bool(self.orders), timeout=pause)
        except TimeoutError:
            self.woken = True

    async def _write_orders(self) -> None:
        while self.orders:
            verb, note = self.orders.pop(0)
            order = command(note)
            pools: tuple[str, ...] = await workflow.execute_activity_method(
                Dispatching.write_stop,
                StopCommand(cluster=self.cluster, verb=verb, actor=order.actor, reason=order.reason),
                **at(self.cluster, f"{verb}: {order.reason}"),
            )
            for pool in pools:
                await tell(ids.train(self.cluster, pool), "wake")

    @workflow.signal(description="Something changed: settle anew")
    def wake(self) -> None:
        """Settle anew."""
        self.woken = True

    @workflow.signal(description="Stop the cluster: no grant, no drain begins; hosts end at their next safe point")
    def stop(self, note: Note = None) -> None:
        """Stop the cluster."""
        self.orders.append(("stop", note))

    @workflow.signal(description="Freeze the cluster: nothing disruptive begins; verified hosts may return")
    def freeze(self, note: Note = None) -> None:
        """Freeze the cluster."""
        self.orders.append(("freeze", note))

    @workflow.signal(description="Lift the stops and freezes of the whole cluster, and resume its autostops")
    def resume(self, note: Note = None) -> None:
        """Resume the cluster."""
        self.orders.append(("resume", note))

    @workflow.query(description="Who holds what, counts in each set, the queue and the reason of every wait")
    def ledger(self) -> str:
        """The ledger in markdown, as of the last observation."""
        return self.book
