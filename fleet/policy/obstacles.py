"""What keeps a request waiting, in words. `barred`: things that no other request's return would mend; `busy`: hosts,
buffer or floor that others have.
"""

from collections.abc import Callable
from typing import NamedTuple

from fleet.hostlist import some
from fleet.models.host import HostSet
from fleet.models.ledger import RequestClass, WaitKind
from fleet.policy.balance import Ask, Balance, PoolBalance
from fleet.policy.sets import is_settling, is_unseen
from fleet.policy.stopping import in_words


class Obstacle(NamedTuple):
    """What stands in a request's way."""

    kind: WaitKind
    why: str


def barred(ask: Ask, balance: Balance) -> Obstacle | None:
    """Why a request may not begin whatever others return: stops, autostop, a stale look, hosts that are not up."""
    return _first(
        (WaitKind.STOP, lambda: _stopped(ask, balance)),
        (WaitKind.MEMBERSHIP, lambda: _no_members(ask, balance)),
        (WaitKind.OBSERVATION, lambda: "" if ask.is_repair else _blind(ask, balance)),
        (WaitKind.AUTOSTOP, lambda: "" if ask.is_repair else _autostopped(ask, balance)),
        (WaitKind.HOST_OUT, lambda: _none_up(balance) if ask.is_switch else _out(ask, balance)),
    )


def busy(ask: Ask, balance: Balance) -> Obstacle | None:
    """Which hosts, buffer or floor a request waits for others to give back; None when it can have what it asks for."""
    leased = _first((WaitKind.HOST_LEASED, lambda: _leased(ask, balance)))
    if leased or ask.is_repair:
        return leased
    if ask.is_switch:
        return _first(
            (WaitKind.HOST_LEASED, lambda: _overridden(balance) or _any_planned(balance)),
            (WaitKind.OBSERVATION, lambda: _any_unseen(balance)),
            (WaitKind.HOST_RESERVED, lambda: _any_reserved(balance)),
        )
    return _first(
        (WaitKind.HOST_LEASED, lambda: _overridden(balance)),
        (WaitKind.OBSERVATION, lambda: _settling(ask, balance)),
        (WaitKind.HOST_RESERVED, lambda: _reserved(ask, balance)),
        (WaitKind.LIMIT, lambda: next((w for pool, need in balance.of_ask(ask) if (w := _short(pool, need))), "")),
    )


def _first(*questions: tuple[WaitKind, Callable[[], str]]) -> Obstacle | None:
    """The first question with an answer; later ones are not asked."""
    return next((Obstacle(kind, why) for kind, ask in questions if (why := ask())), None)


def _leased(ask: Ask, balance: Balance) -> str:
    leased = [h for h in ask.hosts if balance.places[h][0] is HostSet.PLANNED]
    return f"waits for {some(leased)}, in the hands of {balance.places[leased[0]][1]}" if leased else ""


def _overridden(balance: Balance) -> str:
    """While one holds the cluster under an override, its buffers and floors say nothing."""
    return f"waits for {balance.overridden_by}, which has the whole cluster in hands" if balance.overridden_by else ""


def _any_planned(balance: Balance) -> str:
    planned = balance.planned()
    return f"waits for {some(planned)}, in the hands of {balance.places[planned[0]][1]}" if planned else ""


def _any_unseen(balance: Balance) -> str:
    unseen = balance.unseen()
    return f"waits for the next look at {some(unseen)}" if unseen else ""


def _any_reserved(balance: Balance) -> str:
    return f"waits for {next(iter(balance.reserved.values()))}, which has waited longer" if balance.reserved else ""


def _none_up(balance: Balance) -> str:
    """Hosts that are out by plan or just released come back; without any of these there is nothing to switch."""
    coming = (HostSet.UP, HostSet.PLANNED)
    some_come = any(where[0] in coming or is_unseen(where) for where in balance.places.values())
    return "" if some_come else "no host of the cluster is up"


def _settling(ask: Ask, balance: Balance) -> str:
    settling = [h for h in ask.hosts if is_settling(balance.places[h])]
    return f"waits for the next look at {some(settling)}, just released" if settling else ""


def _reserved(ask: Ask, balance: Balance) -> str:
    spoken_for = [h for h in ask.hosts if h in balance.reserved]
    if not spoken_for:
        return ""
    return f"waits for {some(spoken_for)}, reserved for {balance.reserved[spoken_for[0]]}, which has waited longer"


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
