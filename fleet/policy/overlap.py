"""Which work must not overlap: by the catalogue's conflict table, on a scope that two share.

A train's visit counts as `upgrade-host`, a pin switch as `switch-pin`, a large-scale maintenance as the work that it
does, a repair as everything that repairs do. The table is symmetric; either side's word is enough.
"""

from collections.abc import Iterable, Mapping, Sequence

from fleet import ids
from fleet.models.ledger import Request, RequestClass
from fleet.models.operation_part import ActiveOperation, OperationPart

VISIT, SWITCH = "upgrade-host", "switch-pin"
REPAIR_KINDS = ("reboot-host", "power-cycle-host", "reset-gpu", "reimage-host", "verify-host")


def kinds_of(holder: str, works: Mapping[str, str]) -> tuple[str, ...]:
    """What a lease's holder does, in the catalogue's words; nothing for a submitted operation, which says so itself.
    `works` tells it of large-scale maintenances that bring no upgrades.
    """
    if ids.op_of(holder) is not None:
        return ()
    if holder.startswith("host/"):
        return REPAIR_KINDS
    return (SWITCH,) if holder.startswith("pin/") else (works.get(ids.emergency_of(holder) or "", VISIT),)


def kinds_asked(request: Request, works: Mapping[str, str]) -> tuple[str, ...]:
    """What a request would do on its hosts. Repair asks nobody: it parks for whoever works on its host."""
    if request.part is not None:
        return (request.part.kind,)
    if request.kind is RequestClass.REPAIR:
        return ()
    if request.kind is RequestClass.LARGE:
        return kinds_of(request.holder, works)
    return (SWITCH,) if request.kind is RequestClass.PIN_SWITCH else (VISIT,)


def conflicting(
    request: Request,
    scope: Iterable[str],
    taken: Iterable[str],
    active: Mapping[str, Sequence[ActiveOperation]],
    works: Mapping[str, str],
) -> tuple[ActiveOperation, str] | None:
    """The first active operation that a request must not overlap with, and a host they share: of its `scope` by the
    conflict table, and of those it would have `taken` any on whose scope an outsider works. `active` is by host.
    """
    if not active or request.kind is RequestClass.REPAIR:
        return None
    kinds, part, out = kinds_asked(request, works), request.part, frozenset(taken)
    not_with = part.not_with if part is not None else ()
    own = part.operation if part is not None else request.holder
    for host in scope:
        for other in active.get(host, ()):
            clash = other.kind in not_with or any(kind in other.not_with for kind in kinds)
            if other.operation != own and (clash or (other.parks and host in out)):
                return other, host
    return None


def keeps_off(part: OperationPart, holder: str, works: Mapping[str, str]) -> bool:
    """Whether an operation must wait until such a holder has let go of a host of its scope."""
    return any(kind in part.not_with for kind in kinds_of(holder, works))
