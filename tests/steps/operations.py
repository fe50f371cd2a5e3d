"""A submitted operation on the site: it holds gpu004, and gpu001 of its scope is in another's hands."""

from datetime import UTC, datetime, timedelta

from fleet import ids
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.operation import Operation, OperationChange, OperationSpec, OperationState, Said, Word
from fleet.models.operation_part import OperationPart
from fleet.models.scope import ScopePart
from fleet.models.work import StepKind, StepOrder
from fleet.policy.operation_orders import speak
from tests.scenarios.site import CLUSTER
from tests.steps.site import StepSite, no_fence, order

OP, OWN, OTHER = "op/1", "gpu004", "gpu001"


class Outsider:
    """Submits the operation, and says how it went."""

    def __init__(self, site: StepSite) -> None:
        self.site, self.store = site, site.store

    async def submit(self) -> Operation:
        scope = (ScopePart(cluster=CLUSTER, kind="host", name=f"{OTHER},{OWN}"),)
        spec = OperationSpec(
            kind="service-rack-power",
            scope=scope,
            duration=timedelta(minutes=10),
            actor="ann",
            reason="a new shelf",
            key="k",
        )
        await self.store.submit_operation(spec, datetime.now(UTC))
        return await self.become(state=OperationState.ASKING)

    async def become(self, **changes) -> Operation:
        return await self.store.change_operation(OP, lambda op: OperationChange(op.model_copy(update=changes)))

    async def begin(self) -> None:
        """Granted: gpu004 is its own."""
        await self.submit()
        part = OperationPart(
            operation=OP,
            kind="service-rack-power",
            not_with=(),
            scope=(OTHER, OWN),
            takes=True,
            parks=True,
            clusters=(CLUSTER,),
        )
        now = datetime.now(UTC)
        asks = Request(
            id=OP, cluster=CLUSTER, kind=RequestClass.AD_HOC, holder=OP, hosts=(OWN,), asked_at=now, part=part
        )
        await self.store.ask_for_operation(OP, [asks])
        grant = Settlement(reason="granted", grants=(Grant(request=OP, reason="free"),))
        await self.store.settle(CLUSTER, now, lambda _: grant)
        await self.become(state=OperationState.WORKING)

    async def drain(self) -> None:
        reason = ids.drain_reason(ids.PLANNED, ids.operation(OP, OWN))
        await self.site.hands.scheduler.drain(OWN, reason, no_fence)

    async def say(self, said: Said, reason: str = "it is in") -> None:
        """With it whoever parked goes on."""
        word = Word(said=said, actor="ann", reason=reason, at=datetime.now(UTC))
        await self.store.change_operation(OP, speak(word))
        await self.store.change_operation(OP, lambda op: OperationChange(op, unparks=True))


def share(kind: StepKind) -> StepOrder:
    """A step of the operation on its own host."""
    return order(kind, OWN, operation=ids.operation(OP, OWN), visit=OP)
