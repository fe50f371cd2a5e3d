"""What other systems are told of submitted operations: that their work may begin, and that they are over."""

from sqlalchemy import Connection

from fleet.models.event import EventKind, event
from fleet.models.operation import Operation, OperationState
from store.events import write_event


def tell_operation(connection: Connection, before: Operation, after: Operation) -> None:
    """Tell a change of an operation, in each of its clusters; in one order everywhere, since each holds others up."""
    kinds = []
    if after.state is OperationState.WORKING and before.state is not after.state:
        kinds.append(EventKind.OPERATION_BEGUN)
    if after.over and not before.over:
        kinds.append(EventKind.OPERATION_ENDED)
    spec = after.spec
    for kind in kinds:
        for cluster in spec.clusters:
            data = {"kind": spec.kind, "scope": after.scope, "state": after.state.value, "actor": spec.actor}
            more = {"subject": after.id, "reason": after.reason or spec.reason, "data": data}
            write_event(connection, event(kind, f"{after.id}/{cluster}", after.changed_at, (cluster, None), **more))
