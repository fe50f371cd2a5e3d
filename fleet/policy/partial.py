"""Requests that take what can be had: narrowed, at their turn, to the hosts that are up and for which there is room.

What is left of them is asked for anew by whoever holds them; nothing is held while it waits.
"""

from collections.abc import Sequence

from fleet.models.host import HostSet
from fleet.policy.balance import Balance
from fleet.policy.obstacles import barred, busy
from fleet.policy.parties import Party
from fleet.policy.pool_balance import Ask
from fleet.policy.sets import is_settling


def narrowed(party: Party, balance: Balance) -> Party:
    """The party as it can be decided on: as it is, unless it is a single request for what can be had.

    With no host to be had it names those that are nearest to it, which tell what it waits for.
    """
    if not party.whole.request.partial:
        return party
    ask = _narrowed(party.whole, balance)
    return party._replace(asks=(ask,), whole=ask)


def _narrowed(ask: Ask, balance: Balance) -> Ask:
    here = [h for h in ask.hosts if h in balance.places]
    up = [h for h in here if balance.places[h][0] is HostSet.UP and h not in balance.reserved]
    if not up:
        held = [h for h in here if balance.places[h][0] is HostSet.PLANNED]
        settling = [h for h in here if is_settling(balance.places[h])]
        return _of(ask, held or settling or ask.hosts, balance)
    fitting = _of(ask, _within_room(ask, up, balance) or up[:1], balance)
    return fitting if _may(fitting, balance) else _one_by_one(ask, up, balance)


def _within_room(ask: Ask, up: Sequence[str], balance: Balance) -> list[str]:
    """As many of the hosts as buffers and floors have room for, in their order."""
    room = {pool.pool.name: pool.room(ask) for pool, _ in balance.of_ask(ask)}
    found = []
    for host in up:
        pool = balance.hosts[host].pool
        if room.get(pool, 0) > 0:
            room[pool] -= 1
            found.append(host)
    return found


def _one_by_one(ask: Ask, up: Sequence[str], balance: Balance) -> Ask:
    """Where not all of them may begin together: those that may, taken in their order; the first one when none may."""
    found: list[str] = []
    for host in up:
        if _may(_of(ask, [*found, host], balance), balance):
            found.append(host)
    return _of(ask, found or up[:1], balance)


def _may(ask: Ask, balance: Balance) -> bool:
    return barred(ask, balance) is None and busy(ask, balance) is None


def _of(ask: Ask, hosts: Sequence[str], balance: Balance) -> Ask:
    """The ask for these hosts alone."""
    need: dict[str, int] = {}
    for name in hosts:
        host = balance.hosts.get(name)
        if host is not None:
            need[host.pool] = need.get(host.pool, 0) + 1
    return Ask(ask.request, tuple(hosts), need, ask.aged)
