"""`Operation`: work that somebody submitted, from its asking to the return of its last host."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from activities.operation import Operating
    from activities.operation_boarding import OperationBoarding
    from fleet import ids
    from fleet.models.messages import Command, HandOver
    from fleet.models.operation_messages import (
        OperationAction,
        OperationBoard,
        OperationBoarded,
        OperationInput,
        OperationOrder,
        OperationReview,
    )
    from fleet.models.work import HostWork
    from workflows.attributes import OUTCOME, of_host
    from workflows.continuing import time_to_continue
    from workflows.domain_visit import start_repair
    from workflows.host_maintenance import HostMaintenance
    from workflows.host_steps import lease_lost
    from workflows.options import AFTER_FAILURE, ASK_AGAIN, ASK_AGAIN_AT_MOST, BOARD, TELL_AGAIN, at
    from workflows.telling import Note, command, tell


@workflow.defn(name="Operation")
class Operation:
    """Look, do what the look says, and look again; where it stands is in the store, so every look finds its way."""

    @workflow.init
    def __init__(self, order: OperationInput) -> None:
        self.order = order
        self.woken = False
        self.said = ""
        """The word that the hosts were told."""
        self.last: OperationReview | None = None
        self.open: dict[tuple[str, str], asyncio.Task[None]] = {}
        """Cluster and host that this run looks after, from the start of its work to its end."""
        self.others: set[tuple[str, str]] = set()
        """The same of hosts on which a workflow is under way that this run did not start: the looks see their end."""

    @workflow.run
    async def run(self, order: OperationInput) -> str:
        """Until every host is back or handed over; how it ended."""
        pause, again = ASK_AGAIN, TELL_AGAIN
        while True:
            self.woken = False
            review = await self._look()
            if review is None:
                await self._rest(AFTER_FAILURE)
            elif review.action is OperationAction.END:
                return await self._end(review)
            elif review.action is OperationAction.BOARD:
                await self._board(review)
                # Hosts on which there was nothing to do were released at once, and nobody tells of their end.
                idle = bool(review.clusters) and not self.open and not self.others
                rests = TELL_AGAIN if idle else _seconds(review.wait_seconds) or ASK_AGAIN_AT_MOST
                await self._rest(rests, again if self.others else None)
                again = min(again * 2, ASK_AGAIN_AT_MOST) if self.others else TELL_AGAIN
            elif review.action is OperationAction.WAIT:
                waits = _seconds(review.wait_seconds)
                await self._rest(pause if review.asks else waits or ASK_AGAIN_AT_MOST, waits)
                pause = ASK_AGAIN if self.woken else min(pause * 2, ASK_AGAIN_AT_MOST)
            if time_to_continue():  # the work on hosts goes on, and the next run finds it under way
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.order)

    async def _look(self) -> OperationReview | None:
        """One look; None when it failed."""
        order = self.order
        try:
            seen: OperationReview = await workflow.execute_activity_method(
                Operating.review_operation, order, **at(order.cluster, "review", BOARD)
            )
        except ActivityError as error:
            workflow.logger.error(f"{order.operation} can't be looked at: {error.cause or error}")
            return None
        self.last = seen
        workflow.set_current_details(seen.picture)
        if seen.asks:
            await tell(ids.dispatcher(order.cluster), "wake")
        return seen

    async def _board(self, review: OperationReview) -> None:
        """Begin the work on hosts on which none is under way yet, and pass the operation's word on."""
        before, known = self.others, {cluster for cluster, _ in self.open}
        for cluster in review.clusters:
            if cluster in known and all(place != cluster for place, _ in self.others):
                continue
            try:
                boarded: OperationBoarded = await workflow.execute_activity_method(
                    OperationBoarding.board_operation,
                    OperationBoard(operation=self.order.operation, cluster=cluster),
                    **at(cluster, "board", BOARD),
                )
            except ActivityError as error:
                workflow.logger.error(f"{self.order.operation} can't board: {error.cause or error}")
                continue
            there = {(cluster, host) for host in boarded.running} - self.open.keys()
            self.others = {other for other in self.others if other[0] != cluster} | there
            for work in boarded.works:
                if (work.cluster, work.host) not in self.open:
                    self.open[work.cluster, work.host] = asyncio.create_task(self._host(work))
        if review.word:
            news = review.word != self.said
            self.said, note = review.word, Command(actor=self.order.operation, reason=review.word)
            for cluster, host in sorted({*self.open, *self.others} if news else self.others - before):
                await tell(ids.host(cluster, host), "word", [note, review.cancelled])

    async def _host(self, work: HostWork) -> None:
        """One host's work, from its start to its end; then the operation looks."""
        try:
            await self._work(work)
        except WorkflowAlreadyStartedError:
            # What went before it on this host began since it was asked: the looks board it once that has ended.
            self.open.pop((work.cluster, work.host), None)
            self.others = {*self.others, (work.cluster, work.host)}
            return
        self._ended(work.cluster, work.host)

    async def _work(self, work: HostWork) -> None:
        handle = await workflow.start_child_workflow(
            HostMaintenance.run,
            work,
            id=ids.host(work.cluster, work.host),
            task_queue=ids.WORKFLOW_QUEUE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{work.host}: {self.order.operation}",
            search_attributes=of_host(work),
        )
        try:
            await handle
        except ChildWorkflowError as error:
            if (work.cluster, work.host) in self.open:  # else handed over: its repair is not ours to judge
                await self._lost(work, error)

    async def _lost(self, work: HostWork, error: ChildWorkflowError) -> None:
        """A host's workflow was ended from outside: what it left behind is unknown, so it goes to repair."""
        reason = f"the work on it was broken off from outside: {error.cause or error}"
        try:
            repair: HostWork = await workflow.execute_activity_method(
                HandingOver.hand_over, HandOver(work=work, reason=reason), **at(work.cluster, "hand over")
            )
        except ActivityError as refused:
            if lease_lost(refused):
                return
            raise
        await start_repair(repair)

    def _ended(self, cluster: str, host: str) -> None:
        self.open.pop((cluster, host), None)
        self.woken = True

    async def _end(self, review: OperationReview) -> str:
        workflow.upsert_search_attributes([OUTCOME.value_set(review.state)])
        await tell(ids.dispatcher(self.order.cluster), "wake")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return review.reason

    async def _rest(self, pause: timedelta, at_most: timedelta | None = None) -> None:
        why = self.last.reason if self.last is not None else "look again"
        pause = pause if at_most is None else min(pause, at_most)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.woken or any(t.done() for t in self.open.values()),
                timeout=pause,
                timeout_summary=why[:200],
            )
        for task in self.open.values():
            if task.done():
                task.result()  # it broke off: this run fails then, and the dispatcher takes the operation up again

    async def _order(self, said: str, note: Note) -> None:
        """Put a word in force that came as a signal, and look at once."""
        asked = command(note)
        order = OperationOrder(actor=asked.actor, reason=asked.reason, operation=self.order.operation, said=said)
        try:
            await workflow.execute_activity_method(
                Operating.order_operation, order, **at(self.order.cluster, f"{said}: {asked.reason}")
            )
        except ActivityError as error:
            workflow.logger.warning(f"{self.order.operation} takes no {said} now: {error.cause or error}")
        self.woken = True

    @workflow.signal(description="Something changed: look at the operation anew")
    def wake(self) -> None:
        """Look anew."""
        self.woken = True

    @workflow.signal(description="The dispatcher granted the operation's hosts")
    def granted(self) -> None:
        """The lease is there."""
        self.woken = True

    @workflow.signal(description="A host went to repair; the operation does not wait for it")
    def handed_over(self, host: str) -> None:
        """Count the host as ended; which one of several clusters' the look finds out."""
        for place in [place for place in self.open if place[1] == host]:
            if len({cluster for cluster, _ in self.open}) == 1:
                self.open.pop(place)
        self.woken = True

    @workflow.signal(description="The work is done: hosts are verified and return")
    async def done(self, note: Note = None) -> None:
        """The outsider reports success."""
        await self._order("done", note)

    @workflow.signal(description="The work failed: hosts are verified, and those that pass return")
    async def failed(self, note: Note = None) -> None:
        """The outsider reports failure."""
        await self._order("failed", note)

    @workflow.signal(description="Call it off: before the grant it withdraws, then hosts end at their next safe point")
    async def cancel(self, note: Note = None) -> None:
        """Call it off."""
        await self._order("cancel", note)

    @workflow.signal(name="yield", description="Hosts that are not changed yet are given back to more urgent work")
    async def yield_(self, note: Note = None) -> None:
        """Pass the word on to every host under way."""
        for cluster, host in sorted({*self.open, *self.others}):
            await tell(ids.host(cluster, host), "yield", [command(note)])

    @workflow.query(description="Where the operation stands, and why it waits")
    def picture(self) -> str:
        """The picture in markdown."""
        return self.last.picture if self.last else "not looked at yet"


def _seconds(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
