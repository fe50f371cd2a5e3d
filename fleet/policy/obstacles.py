"""What keeps a request waiting, in words. `barred`: things that no other request's return would mend; `busy`: hosts,
buffer or floor that others have.
"""

from fleet.hostlist import some
from fleet.models.host import HostSet
from fleet.models.ledger import RequestClass
from fleet.policy.balance import Ask, Balance, PoolBalance
from fleet.policy.sets import is_settling
from fleet.policy.stopping import in_words


def barred(ask: Ask, balance: Balance) -> str:
    """Why a request may not begin whatever others return: stops, autostop, a stale look, hosts that are not up.

    Empty when nothing bars it.
    """
    return (
        _stopped(ask, balance)
        or _no_members(ask, balance)
        or ("" if ask.is_repair else _blind(ask, balance) or _autostopped(ask, balance))
        or _out(ask, balance)
    )


def busy(ask: Ask, balance: Balance) -> str:
    """Which hosts, buffer or floor a request waits for others to give back; empty when it can have what it asks for."""
    leased = [h for h in ask.hosts if balance.places[h][0] is HostSet.PLANNED]
    if leased:
        holder = balance.places[leased[0]][1]
        return f"waits for {some(leased)}, in the hands of {holder}"
    if ask.is_repair:
        return ""
    settling = [h for h in ask.hosts if is_settling(balance.places[h])]
    if settling:
        return f"waits for the next look at {some(settling)}, just released"
    spoken_for = [h for h in ask.hosts if h in balance.reserved]
    if spoken_for:
        owner = balance.reserved[spoken_for[0]]
        return f"waits for {some(spoken_for)}, reserved for {owner}, which has waited longer"
    return next((why for pool, need in balance.of_ask(ask) if (why := _short(pool, need))), "")


def _stopped(ask: Ask, balance: Balance) -> str:
    """Repair goes on under a stop, nothing begins under a freeze."""
    for pool, _ in balance.of_ask(ask):
        if pool.freeze:
            return f"waits for a {in_words(pool.freeze)}"
        if pool.stop and not ask.is_repair:
            return f"waits for a {in_words(pool.stop)}"
    return ""


def _no_members(ask: Ask, balance: Balance) -> str:
    strangers = [h for h in ask.hosts if h not in balance.hosts]
    if strangers:
        return f"{some(strangers)}: no member of any pool"
    gone = [h for h in ask.hosts if h not in balance.places]
    if gone:
        return f"{some(gone)}: decommissioned"
    homeless = [p for p in ask.need if p not in balance.pools]
    if homeless:
        return f"pool {some(homeless)} is not in the fleet file"
    return ""


def _blind(ask: Ask, balance: Balance) -> str:
    for pool, _ in balance.of_ask(ask):
        if pool.stale:
            return f"waits for a fresh look at the cluster: pool {pool.pool.name} was not observed lately"
    return ""


def _autostopped(ask: Ask, balance: Balance) -> str:
    """An emergency passes an autostop."""
    if ask.request.kind is RequestClass.EMERGENCY:
        return ""
    for pool, _ in balance.of_ask(ask):
        if pool.autostop.stopped:
            return f"autostop of pool {pool.pool.name}: {pool.autostop.reason}"
    return ""


def _out(ask: Ask, balance: Balance) -> str:
    """Hosts that this request can't have: repair takes what is out and nobody's, the others what is up."""
    for name in ask.hosts:
        found = balance.places[name]
        where, owner, reason = found
        if where is HostSet.PLANNED or is_settling(found):
            continue
        if name in balance.held:
            return f"{name} is in repair by {balance.held[name]}"
        if where is HostSet.FOREIGN:
            return f"{name} is foreign: {owner}"
        if not ask.is_repair and where is not HostSet.UP:
            return f"{name} is {where}: {reason} (owner: {owner})"
        if ask.is_repair and where is HostSet.UP and not balance.pools[balance.hosts[name].pool].stale:
            return f"{name} is up, and repair takes only hosts that are out"
    return ""


def _short(pool: PoolBalance, need: int) -> str:
    """Planned buffer, then floor."""
    limit, name = pool.limits, pool.pool.name
    spoken_for = f" and {pool.reserved} reserved for older requests" if pool.reserved else ""
    if need > limit.planned_buffer:
        return f"pool {name}: needs {need}, more than the planned buffer of {limit.planned_buffer}"
    if pool.planned + pool.reserved + need > limit.planned_buffer:
        used = f"{pool.planned} of {limit.planned_buffer} used"
        return f"pool {name}: planned buffer {used}{spoken_for}, needs {need}"
    if pool.up - pool.reserved - need < limit.floor:
        return f"pool {name}: {pool.up} of {limit.members} up{spoken_for}, floor {limit.floor}, needs {need}"
    return ""
