"""`HostMaintenance` as a careless change would leave it: the steps in another order."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fleet.models.messages import HostEnd
    from fleet.models.work import HostWork
    from workflows.host_steps import HostSteps


@workflow.defn(name="HostMaintenance")
class HostMaintenance:
    """Walks the steps backwards."""

    @workflow.init
    def __init__(self, work: HostWork) -> None:
        self.steps = HostSteps(work, tuple(s for s in work.steps[::-1] if s.kind != "return"))

    @workflow.run
    async def run(self, work: HostWork) -> HostEnd:
        outcome, result = await self.steps.walk()
        return HostEnd(host=work.host, outcome=outcome, reason=result.reason)
