"""What keeps a request waiting, in words. `barred`: things that no other request's return would mend; `busy`: hosts,
buffer or floor that others have.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from fleet import ids
from fleet.hostlist import some
from fleet.models.host import HostSet
from fleet.models.ledger import RequestClass, WaitKind
from fleet.policy.balance import Balance
from fleet.policy.pool_balance import Ask, PoolBalance
from fleet.policy.scope_waits import in_other_hands, overlapping
from fleet.policy.sets import is_settling, is_unseen
from fleet.policy.stopping import in_words
from fleet.policy.verifying import holds_emergency
from fleet.policy.windows import waits_for_window

_IN_WINDOWS = (RequestClass.LARGE, RequestClass.ROLLBACK, RequestClass.TRAIN, RequestClass.AD_HOC)
"""What begins in a pool's windows only; repair, emergencies and pin switches begin at any time."""


class Obstacle(NamedTuple):
    """What stands in a request's way."""

    kind: WaitKind
    why: str


def barred(ask: Ask, balance: Balance, parts: Sequence[Ask] = ()) -> Obstacle | None:
    """Why a request may not begin whatever others return: stops, autostop, a stale look, hosts that are not up. Of
    several as one, `parts` are these: each takes its own time of its own pools' windows.
    """
    return _first(
        (WaitKind.STOP, lambda: _stopped(ask, balance)),
        (WaitKind.MEMBERSHIP, lambda: _no_members(ask, balance)),
        (WaitKind.EMERGENCY, lambda: _behind_emergency(ask, balance)),
        (WaitKind.OBSERVATION, lambda: "" if ask.is_repair else _blind(ask, balance)),
        (WaitKind.AUTOSTOP, lambda: "" if ask.is_repair else _autostopped(ask, balance)),
        (WaitKind.WINDOW, lambda: next(filter(None, (_outside_windows(x, balance) for x in parts or (ask,))), "")),
        (WaitKind.HOST_OUT, lambda: _none_up(balance) if ask.is_switch else _out(ask, balance)),
    )


def busy(ask: Ask, balance: Balance) -> Obstacle | None:
    """Which hosts, buffer or floor a request waits for others to give back; None when it can have what it asks for."""
    leased = _first((WaitKind.HOST_LEASED, lambda: _leased(ask, balance)))
    if leased or ask.is_repair:
        return leased
    shared = _first(
        (WaitKind.OVERLAP, lambda: overlapping(ask, balance)),
        (WaitKind.HOST_LEASED, lambda: in_other_hands(ask, balance)),
    )
    if shared:
        return shared
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
        (WaitKind.REPLICAS, lambda: _replicas(ask, balance)),
        (WaitKind.LIMIT, lambda: next((w for pool, need in balance.of_ask(ask) if (w := _short(ask, pool, need))), "")),
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
    unseen = [h for h in ask.hosts if is_unseen(balance.places[h])]
    if not unseen:
        return ""
    if all(is_settling(balance.places[h]) for h in unseen):
        return f"waits for the next look at {some(unseen)}, just released"
    return f"waits for the next look at {some(unseen)}, not seen since {'they were' if unseen[1:] else 'it was'} added"


def _reserved(ask: Ask, balance: Balance) -> str:
    spoken_for = [h for h in ask.hosts if h in balance.reserved]
    if not spoken_for:
        return ""
    return f"waits for {some(spoken_for)}, reserved for {balance.reserved[spoken_for[0]]}, which has waited longer"


def _replicas(ask: Ask, balance: Balance) -> str:
    """No two replica groups lose hosts at once, however urgent the work is."""
    for pool, _ in balance.of_ask(ask):
        if pool.groups is not None and (why := pool.groups.hindrance(pool.pool, balance.asked_in(ask, pool))):
            return why
    return ""


def _stopped(ask: Ask, balance: Balance) -> str:
    """Repair goes on under a stop, nothing begins under a freeze."""
    for pool, _ in balance.of_ask(ask):
        if pool.freeze:
            return f"waits for a {in_words(pool.freeze)}"
        if pool.stop and not ask.is_repair:
            return f"waits for a {in_words(pool.stop)}"
    return ""


def _behind_emergency(ask: Ask, balance: Balance) -> str:
    """While an emergency has hosts to take in a pool, or a large-scale maintenance is at work there, whoever comes
    after it in the queue waits.
    """
    if ask.is_repair or ask.request.kind is RequestClass.EMERGENCY:
        return ""
    own = ids.emergency_of(ask.request.holder)
    first = next((f for pool in ask.need if (f := balance.urgent.get(pool)) is not None and f != own), "")
    return f"waits for {first}, which goes before all others" if first else ""


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
    """An emergency passes an autostop, but for a pause since its beginning."""
    for pool, _ in balance.of_ask(ask):
        if not pool.autostop.stopped:
            continue
        if ask.request.kind is not RequestClass.EMERGENCY or holds_emergency(pool.autostop, ask.request.asked_at):
            return f"autostop of pool {pool.pool.name}: {pool.autostop.reason}"
    return ""


def _outside_windows(ask: Ask, balance: Balance) -> str:
    """Planned work begins where its pools' windows leave time for it; asked once for all work of one length."""
    if ask.request.kind not in _IN_WINDOWS or balance.facts is None:
        return ""
    seconds = ask.request.expected_seconds
    for pool, _ in balance.of_ask(ask):
        if pool.pool.windows and seconds not in pool.windowed:
            need = timedelta(seconds=seconds)
            pool.windowed[seconds] = waits_for_window(pool.pool, balance.facts.now, need)
        if why := pool.windowed.get(seconds, ""):
            return why
    return ""


def _out(ask: Ask, balance: Balance) -> str:
    """Hosts that this request can't have: repair takes what is out and nobody's, the others what is up."""
    for name in ask.hosts:
        found = balance.places[name]
        where, owner, reason = found
        if where is HostSet.PLANNED or is_unseen(found):
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


def _short(ask: Ask, pool: PoolBalance, need: int) -> str:
    """Planned buffer, then floor, as they hold for this ask."""
    if not need:
        return ""
    limit, name = pool.limits_for(ask), pool.pool.name
    spoken_for = f" and {pool.reserved} reserved for older requests" if pool.reserved else ""
    if need > limit.planned_buffer:
        return f"pool {name}: needs {need}, more than the planned buffer of {limit.planned_buffer}"
    if pool.planned + pool.reserved + need > limit.planned_buffer:
        used = f"{pool.planned} of {limit.planned_buffer} used"
        return f"pool {name}: planned buffer {used}{spoken_for}, needs {need}"
    if pool.up - pool.reserved - need < limit.floor:
        return f"pool {name}: {pool.up} of {limit.members} up{spoken_for}, floor {limit.floor}, needs {need}"
    return ""
