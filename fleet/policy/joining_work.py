"""When an operation joins work that has its host out already, instead of taking it out a second time.

The other work must be one that the catalogue lets overlap, and its host drained for certain: such a host comes back
only by its return, which parks. So the operation finds it out, counts it once, and its verification waits for it.
"""

from fleet import ids
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.observation import ObservedHost
from fleet.models.scheduler import NodeBase
from fleet.policy.overlap import kinds_of


def joins(not_with: tuple[str, ...], lease: LeaseHost, seen: ObservedHost | None) -> bool:
    """True for a host in a visit's or another operation's hands on which more work may be done meanwhile.

    Of operations that must not overlap the grants see to it themselves.
    """
    if lease.counted is not Counted.PLANNED or lease.holder.startswith("pin/"):
        return False
    if ids.emergency_of(lease.holder) is not None:
        return False  # nothing holds an emergency up
    if any(kind in not_with for kind in kinds_of(lease.holder, {})):
        return False
    node = seen.node if seen is not None and not seen.jobs else None
    return (
        node is not None
        and node.draining
        and node.base is NodeBase.IDLE
        and not node.completing
        and node.reason == ids.drain_reason(ids.PLANNED, lease.operation)
    )
