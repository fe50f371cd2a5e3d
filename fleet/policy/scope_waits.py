"""What work waits for because of other work on its scope: operations that must not overlap with it, and hosts of the
scope that it does not take itself and that others have in hands.
"""

from fleet.models.host import HostSet
from fleet.policy.balance import Balance
from fleet.policy.overlap import conflicting, keeps_off
from fleet.policy.pool_balance import Ask
from fleet.policy.sets import is_unseen


def overlapping(ask: Ask, balance: Balance) -> str:
    """An active operation that must not overlap with what is asked for, on a host that both touch."""
    found = conflicting(ask.request, ask.scope, ask.hosts, balance.active, balance.works)
    if found is None:
        return ""
    other, host = found
    return f"waits for {other.operation} ({other.kind}), which must not overlap with it on {host}"


def in_other_hands(ask: Ask, balance: Balance) -> str:
    """Hosts of an operation's scope that it does not take: others' visits end first, and none may be up while an
    outsider works; repairs park.
    """
    part = ask.part
    if part is None or (part.takes and not part.parks):
        return ""
    own, joined = set(ask.hosts), balance.joined(part)
    for name in part.scope:
        where = balance.places.get(name)
        if where is None or name in own:
            continue
        holder = balance.held.get(name)
        if name in joined:
            continue
        if where[0] is HostSet.PLANNED and (
            part.parks or (holder is not None and keeps_off(part, holder, balance.works))
        ):
            return f"waits for {name}, in the hands of {where[1]}"
        if not part.parks and holder is not None and keeps_off(part, holder, balance.works):
            return f"waits for {name}, in repair by {holder}"
        if part.parks and where[0] is HostSet.UP:
            return f"waits for {name}, which is in production again, to be asked for as well"
        if part.parks and is_unseen(where):
            return f"waits for the next look at {name}, which may be in production again"
    return ""
