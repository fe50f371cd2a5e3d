"""Which waiting requests are decided on together: those of a joint visit whose time is not over, each other by itself.

A party is granted whole or not at all, and holds nothing while it waits for a member: so nobody holds and waits. Once
its time is over, or a partner has begun without it, every member is decided on for itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fleet import ids
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.joint import Joint, Place
from fleet.policy.pool_balance import Ask


class Party(NamedTuple):
    """Asks that are granted together."""

    asks: tuple[Ask, ...]
    whole: Ask
    """All of them as one."""
    missing: str = ""
    """For whom it waits until when, in words; empty when it is complete."""
    note: str = ""
    """What a grant's reason says of partners."""


def parties(queue: Sequence[Ask], facts: LedgerFacts) -> list[Party]:
    """The queue as parties, each at the turn of its first member."""
    if all(ask.request.joint is None for ask in queue):
        return [Party((ask,), ask) for ask in queue]
    begun = {place for lease in facts.leases.values() if (place := _place(lease.holder)) is not None}
    members = _members(queue, facts.now)
    found: list[Party] = []
    for ask in queue:
        joint = ask.request.joint
        if joint is None:
            found.append(Party((ask,), ask))
        elif facts.now >= joint.until:
            found.append(_alone(ask, f"its partners did not come by {joint.until.isoformat(' ', 'seconds')}"))
        else:
            found += next((_together(group, begun) for group in members if group[0] is ask), [])
    return found


def _members(queue: Sequence[Ask], now: Moment) -> list[list[Ask]]:
    """Asks by meeting. Two that called each other at the same time are in the meeting of the first."""
    found: list[tuple[Joint, list[Ask]]] = []
    for ask in queue:
        joint = ask.request.joint
        if joint is None or now >= joint.until:
            continue
        group = next((g for first, g in found if joint.key == first.key or joint.place in first.partners), None)
        if group is None:
            found.append((joint, [ask]))
        else:
            group.append(ask)
    return [group for _, group in found]


def _together(asks: Sequence[Ask], begun: set[Place]) -> list[Party]:
    there: dict[Place, Ask] = {}
    for ask in asks:
        assert ask.request.joint is not None, "members have one"
        there.setdefault(ask.request.joint.place, ask)
    joint = asks[0].request.joint
    assert joint is not None, "members have one"
    gone = [p for p in joint.partners if p in begun and p not in there]
    awaited = [p for p in joint.partners if p not in begun and p not in there]
    if len(joint.partners) - len(gone) <= 1:
        return [_alone(ask, f"{_names(gone)} began without it") for ask in asks]
    if joint.partners[0] in awaited:
        return [_alone(ask, f"{joint.partners[0]}, which called it, waits no longer") for ask in asks]
    if awaited:
        when = joint.until.isoformat(" ", "seconds")
        missing = f"waits for {_names(awaited)} until {when} at the latest, to be visited together: {joint.why}"
        return [Party(tuple(asks), asks[0], missing=missing)]
    whole = _whole(asks)
    if len(whole.hosts) < sum(len(ask.hosts) for ask in asks):
        return [_alone(ask, "it names hosts that a partner names too") for ask in asks]
    names = _names(tuple(there))
    return [Party(tuple(asks), whole, note=f"; {names} are visited together: {joint.why}")]


def _alone(ask: Ask, why: str) -> Party:
    return Party((ask,), ask, note=f"; visited alone, as {why}")


def _whole(asks: Sequence[Ask]) -> Ask:
    """Several asks as one, by the name of the first."""
    need: dict[str, int] = {}
    for ask in asks:
        for pool, count in ask.need.items():
            need[pool] = need.get(pool, 0) + count
    hosts = tuple(dict.fromkeys(host for ask in asks for host in ask.hosts))
    return Ask(asks[0].request, hosts, need, any(ask.aged for ask in asks))


def _place(holder: str) -> Place | None:
    found = ids.place_of(holder)
    return None if found is None else Place(pool=found[0], domain=found[1])


def _names(places: Sequence[Place]) -> str:
    return ", ".join(map(str, places))
