"""A visit and a host's work as small as they get, with the real messages."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fleet.models.messages import HostEnd, VisitInput
    from fleet.models.work import HostWork, Outcome, StepOrder, StepResult


@activity.defn(name="apply")
async def apply(order: StepOrder) -> StepResult:
    """Fail once, then go on."""
    if activity.info().attempt == 1:
        raise ApplicationError("busy")
    return StepResult(action="go_on", reason=f"{order.host} has it")


@workflow.defn(name="HostMaintenance")
class Host:
    """One step; a host named `bad` becomes its repair."""

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        """Walk the steps."""
        for step in work.steps:
            await workflow.execute_activity(
                apply,
                StepOrder(
                    cluster=work.cluster,
                    pool=work.pool,
                    host=work.host,
                    operation=work.operation,
                    visit=work.visit,
                    step=step,
                ),
                start_to_close_timeout=timedelta(seconds=10),
            )
        if work.host == "bad":
            workflow.continue_as_new(work.model_copy(update={"operation": "repair/1"}), workflow="HostRepair")
        return HostEnd(host=work.host, outcome=Outcome.UPGRADED, reason="all applied")


@workflow.defn(name="HostRepair")
class Repair:
    """Ends at once."""

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        """Nothing to do."""
        return HostEnd(host=work.host, outcome=Outcome.REPAIRED, reason="by hand")


@workflow.defn(name="DomainVisit")
class Visit:
    """Its hosts, one after the other."""

    @workflow.run
    async def run(self, visit: VisitInput) -> str:
        """Start the hosts' workflows."""
        for host in ("good", "bad"):
            await workflow.execute_child_workflow(
                Host.run,
                HostWork.model_validate(
                    {
                        "cluster": visit.cluster,
                        "pool": visit.pool,
                        "host": host,
                        "operation": f"{visit.visit}#{host}",
                        "visit": visit.visit,
                        "steps": [{"key": "apply-bmc", "kind": "apply", "expected": "1m"}],
                    }
                ),
                id=f"{visit.visit}/{host}",
            )
        return "done"
