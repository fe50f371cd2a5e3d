"""`DomainVisit`: one stop of a train at one domain."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from activities.visit import Visiting
    from fleet import ids
    from fleet.models.messages import HandOver, HostEnd, VisitAsk, VisitAsked, VisitBoarded, VisitEnd, VisitInput
    from fleet.models.work import HostWork
    from fleet.view import visit_view
    from workflows.attributes import of_host
    from workflows.continuing import time_to_continue
    from workflows.host_maintenance import HostMaintenance
    from workflows.host_repair import HostRepair
    from workflows.host_steps import lease_lost
    from workflows.options import ASK_AGAIN, ASK_AGAIN_AT_MOST, BOARD, at
    from workflows.priorities import USUAL
    from workflows.telling import Note, command, tell


@workflow.defn(name="DomainVisit")
class DomainVisit:
    """Ask for the domain's free hosts, work on each, end when every host has returned or was handed over."""

    @workflow.init
    def __init__(self, visit: VisitInput) -> None:
        self.visit = visit
        self.told_granted = False
        self.ended: dict[str, str] = {}
        """Host: its outcome and reason."""
        self.open: set[str] = set()

    @workflow.run
    async def run(self, visit: VisitInput) -> str:
        """One visit, from asking to the end of its last host; what came of it."""
        emergency = ids.emergency_of(visit.visit)
        asked = await self._ask()
        if asked.granted:
            boarded: VisitBoarded = await workflow.execute_activity_method(
                Visiting.board_hosts, args=[asked, visit], **at(self.visit.cluster, "board", BOARD)
            )
            if emergency is not None:
                await tell(emergency, "wake")  # what was not granted waits for its next stop
            await self._work(boarded.works)
        told: str = await workflow.execute_activity_method(
            Visiting.end_visit,
            VisitEnd(input=visit, request=asked.request, reason=asked.reason),
            **at(self.visit.cluster, "end the visit"),
        )
        await tell(ids.dispatcher(visit.cluster), "wake")
        await tell(emergency or ids.train(visit.cluster, visit.pool), "visit_ended", [visit.visit])
        return told

    async def _ask(self) -> VisitAsked:
        """Wait for the lease, looking at the request now and then; granted, or nothing there to take."""
        pause, number = ASK_AGAIN, self.visit.ask
        while True:
            self.told_granted = False
            asked: VisitAsked = await workflow.execute_activity_method(
                Visiting.ask_for_hosts,
                VisitAsk(input=self.visit, ask=number),
                **at(self.visit.cluster, "ask for the hosts"),
            )
            number = asked.ask
            if asked.granted or not asked.hosts:
                return asked
            self._show(f"waiting for the lease: {asked.reason or 'the dispatcher has not settled yet'}")
            await tell(ids.dispatcher(self.visit.cluster), "wake")
            try:
                await workflow.wait_condition(
                    lambda: self.told_granted, timeout=pause, timeout_summary="look at the request again"
                )
            except TimeoutError:
                pause = min(pause * 2, ASK_AGAIN_AT_MOST)
            if time_to_continue():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.visit.model_copy(update={"ask": number}))

    async def _work(self, works: tuple[HostWork, ...]) -> None:
        """Start every host's workflow and wait until each has ended or was handed over."""
        self.open = {w.host for w in works}
        self._show("")
        starts = [asyncio.create_task(self._host(w)) for w in works]
        # A task that broke off leaves its host open for ever: the visit fails then, and the dispatcher finds the host.
        await workflow.wait_condition(lambda: not self.open or any(t.done() and t.exception() for t in starts))
        for task in starts:
            if task.done():
                task.result()

    async def _host(self, work: HostWork) -> None:
        try:
            handle = await workflow.start_child_workflow(
                HostMaintenance.run,
                work,
                id=ids.host(work.cluster, work.host),
                task_queue=ids.WORKFLOW_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"{work.host}: {', '.join(_upgrades(work)) or 'verify'}",
                search_attributes=of_host(work, self.visit.domain),
            )
        except WorkflowAlreadyStartedError:
            reason = f"in the hands of {ids.host(work.cluster, work.host)}, which another began"
            await workflow.execute_activity_method(
                Visiting.leave_out, args=[work, reason], **at(self.visit.cluster, "leave out")
            )
            self._end(work.host, f"left out: {reason}")
            return
        try:
            end: HostEnd = await handle
        except ChildWorkflowError as error:
            await self._lost(work, error)
            return
        self._end(work.host, f"{end.outcome}: {end.reason}")

    async def _lost(self, work: HostWork, error: ChildWorkflowError) -> None:
        """A host's workflow was ended from outside: what it left behind is unknown, so it goes to repair."""
        if work.host not in self.open:
            return  # handed over before: its repair is not ours to judge
        reason = f"the work on it was broken off from outside: {error.cause or error}"
        try:
            repair: HostWork = await workflow.execute_activity_method(
                HandingOver.hand_over, HandOver(work=work, reason=reason), **at(self.visit.cluster, "hand over")
            )
        except ActivityError as refused:
            if not lease_lost(refused):
                raise
            self._end(work.host, f"no longer ours: {refused.cause}")
            return
        await start_repair(repair)
        self._end(work.host, f"handed over: {reason}")

    def _end(self, host: str, how: str) -> None:
        self.ended[host] = how
        self.open.discard(host)
        self._show("")

    @workflow.signal(description="The dispatcher granted the visit's hosts")
    def granted(self) -> None:
        """The lease is there."""
        self.told_granted = True

    @workflow.signal(description="A host went to repair; the visit does not wait for it")
    def handed_over(self, host: str) -> None:
        """Count the host as ended."""
        self._end(host, "handed over to repair")

    @workflow.signal(name="yield", description="End at the next safe points: more urgent work needs the hosts")
    async def yield_(self, note: Note = None) -> None:
        """Pass the word on to every host under way."""
        for host in sorted(self.open):
            await tell(ids.host(self.visit.cluster, host), "yield", [command(note)])

    def _show(self, waiting: str) -> None:
        workflow.set_current_details(visit_view(self.visit.domain, self.ended, sorted(self.open), waiting))


async def start_repair(work: HostWork) -> None:
    """Start the repair of a host that no workflow has in its hands; one that runs already goes on."""
    try:
        await workflow.start_child_workflow(
            HostRepair.run,
            work,
            id=ids.host(work.cluster, work.host),
            task_queue=ids.WORKFLOW_QUEUE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{work.host}: repair",
            static_details=work.trouble[:2000],
            search_attributes=of_host(work),
            priority=USUAL,  # whoever starts it, the dispatcher among them
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info(f"{work.host} is in the hands of its workflow already")


def _upgrades(work: HostWork) -> list[str]:
    return [f"{s.upgrade.component} {s.upgrade.version}" for s in work.steps if s.upgrade is not None]
