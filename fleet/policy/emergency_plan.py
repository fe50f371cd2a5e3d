"""What an emergency does next: which stops it opens, who yields to it, and when it is through.

A stop asks for the waiting hosts of one maintenance domain and is granted what can be had. At most `width` domains of a
pool have a host under way, those with the most hosts in production first; a domain that has been begun is finished
first.

Who yields: visits and operations that hold a host it has asked for, then, while its pool's buffer or floor is too short
for what it has asked for, the visits and operations of that pool, the youngest first, until they would free enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from pydantic import Field

from fleet import ids
from fleet.hostlist import natural_key, some
from fleet.models.base import Decision, Moment
from fleet.models.emergency import BUSY, RESTING, Emergency, EmergencyHost, EmergencyHostState, EmergencyState
from fleet.models.facts import LedgerFacts
from fleet.models.large import LargeProgress
from fleet.models.ledger import Counted, Request, RequestClass
from fleet.policy.balance import Balance
from fleet.policy.emergency_hosts import Obtainable, in_vain, obtainable, working_outsiders
from fleet.policy.pool_balance import Ask
from fleet.policy.stopping import in_words

_YIELDS = ("visit/", "op/", ids.LARGE)
"""How the ids of holders begin that give way."""


class OpenedStop(Decision):
    """Hosts of one domain that are asked for."""

    pool: str
    domain: str
    hosts: tuple[str, ...]


class EmergencyStep(Decision):
    """What is to be done now."""

    state: EmergencyState
    stops: tuple[OpenedStop, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)
    """Hosts that it does not get, now that it is through with all others."""
    yields: dict[str, str] = Field(default_factory=dict)
    halts: tuple[str, ...] = ()
    """Its own stops that are to end at their next safe points."""
    until: Moment | None = None
    over: bool = False
    short_since: Moment | None = None
    """Since when it lacks none but hosts of which nobody can tell."""
    progress: LargeProgress | None = None
    """Of a large-scale maintenance: how far it has come."""
    released: tuple[str, ...] = ()
    """Hosts that are let return."""
    asks: str = ""
    """What a person is asked at a gate; empty for nothing."""


def emergency_step(emergency: Emergency, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> EmergencyStep:
    """Decide by the rows of its hosts and the cluster's ledger."""
    busy = [h for h in hosts if h.state in BUSY]
    if emergency.state in RESTING:
        return at_rest(emergency, busy)
    if emergency.state is EmergencyState.ANNOUNCED and ledger.now < emergency.begins_at:
        at = emergency.begins_at.isoformat(sep=" ", timespec="seconds")
        reason = f"the jobs on its hosts have notice until {at}"
        return EmergencyStep(state=emergency.state, until=emergency.begins_at, reason=reason)
    pending = [h for h in hosts if h.state is EmergencyHostState.PENDING]
    can = obtainable(pending, ledger)
    stops = _stops(emergency, pending, busy, can, ledger)
    if not busy and not stops:
        return _untold(emergency, can, ledger) or through(hosts, can)
    wanted = asked_for(hosts, ledger)
    wanted += [host for stop in stops for host in stop.hosts]
    return EmergencyStep(
        state=EmergencyState.RUNNING,
        stops=stops,
        yields=yields(emergency, wanted, ledger),
        halts=in_vain(busy, ledger),
        reason=_told(hosts, wanted, ledger),
    )


def _untold(emergency: Emergency, can: Obtainable, ledger: LedgerFacts) -> EmergencyStep | None:
    """It ends without hosts of which nobody can tell only when that stays so: one bad look is no answer, however old it
    has become while the scheduler did not answer, or no worker ran.
    """
    since = emergency.short_since or ledger.now
    looked = ledger.observation.began_at if ledger.observation is not None else since
    if not can.untold or looked - since >= PATIENCE:
        return None
    reason = f"of {some(can.untold)} nobody can tell ({can.out[can.untold[0]].partition(': ')[2]}); it looks again"
    until = ledger.now + LOOKS_AGAIN
    return EmergencyStep(state=EmergencyState.RUNNING, until=until, short_since=since, reason=reason)


def asked_for(hosts: Iterable[EmergencyHost], ledger: LedgerFacts) -> list[str]:
    """Hosts that its stops wait for. One that another pool has by now is that one's: nobody makes way there."""
    asked = [h for h in hosts if h.state is EmergencyHostState.ASKED]
    gone = obtainable(asked, ledger).gone
    return [h.host for h in asked if h.host not in gone]


def settling_hosts(hosts: Iterable[EmergencyHost], ledger: LedgerFacts) -> bool:
    """True when a look at the cluster would tell of hosts that it needs, or of room for them in its pools."""
    pools = {h.pool for h in hosts if h.state in (EmergencyHostState.PENDING, EmergencyHostState.ASKED)}
    if not pools:
        return False
    unseen = Balance.of(ledger).unseen()
    return any(ledger.hosts[name].pool in pools for name in unseen)


def at_rest(emergency: Emergency, busy: Sequence[EmergencyHost]) -> EmergencyStep:
    """One that a person stopped or that is over: what it has under way ends at its next safe point."""
    halts = tuple(dict.fromkeys(h.stop for h in busy))
    told = f"; {len(busy)} hosts end at their next safe point" if busy else ""
    over = emergency.over and not busy
    return EmergencyStep(state=emergency.state, halts=halts, over=over, reason=f"{emergency.reason}{told}")


def through(hosts: Sequence[EmergencyHost], can: Obtainable) -> EmergencyStep:
    """The end: every host was seen to, or can't be had."""
    done = sum(h.state is EmergencyHostState.DONE for h in hosts)
    repair = sum(h.state is EmergencyHostState.HANDED_OVER for h in hosts)
    out = len(can.out) + sum(h.state is EmergencyHostState.LEFT_OUT for h in hosts)
    reason = f"{done} of {len(hosts)} hosts done, {repair} in repair, {out} left out"
    return EmergencyStep(state=EmergencyState.DONE, left_out=can.out, over=True, reason=reason)


def _stops(
    emergency: Emergency,
    pending: Sequence[EmergencyHost],
    busy: Sequence[EmergencyHost],
    can: Obtainable,
    ledger: LedgerFacts,
) -> tuple[OpenedStop, ...]:
    """New stops, as many as the width allows."""
    touched: dict[str, set[str]] = {}
    for host in busy:
        touched.setdefault(host.pool, set()).add(host.domain)
    asked = {(h.pool, h.domain) for h in busy if h.state is EmergencyHostState.ASKED}
    found: list[OpenedStop] = []
    for (pool, domain), names in _by_domain(pending, can, ledger, touched):
        its = touched.setdefault(pool, set())
        if (pool, domain) in asked or (domain not in its and len(its) >= emergency.spec.width):
            continue
        its.add(domain)
        found.append(OpenedStop(pool=pool, domain=domain, hosts=names, reason=f"{len(names)} hosts of {domain}"))
    return tuple(found)


def _by_domain(
    pending: Sequence[EmergencyHost], can: Obtainable, ledger: LedgerFacts, touched: Mapping[str, set[str]]
) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
    """Waiting hosts that can be had by domain: begun domains first, then those with the fewest hosts in hands."""
    obtained = set(can.hosts)
    groups: dict[tuple[str, str], list[str]] = {}
    for host in pending:
        if host.host in obtained:
            groups.setdefault((host.pool, host.domain), []).append(host.host)

    def turn(key: tuple[str, str]) -> tuple[object, ...]:
        held = sum(name in ledger.leases for name in groups[key])
        return key[1] not in touched.get(key[0], ()), held, natural_key(key[1])

    return [(key, tuple(sorted(groups[key], key=natural_key))) for key in sorted(groups, key=turn)]


def yields(emergency: Emergency, wanted: Sequence[str], ledger: LedgerFacts) -> dict[str, str]:
    """Who is to give way to it for the hosts it has asked for, and why."""
    holders, needed = _may_yield(emergency, ledger), set(wanted)
    found = {h: _reason(emergency, hosts) for h, hosts in holders.items() if needed.intersection(hosts)}
    balance = Balance.of(ledger)
    by_pool: dict[str, list[str]] = {}
    for name in wanted:
        by_pool.setdefault(_pool_of(name, ledger) or "", []).append(name)
    for pool, names in by_pool.items():
        if pool not in balance.pools:
            continue
        short = len(names) - balance.pools[pool].slack(_ask(emergency, names, ledger))
        freed = {h: [n for n in hosts if _pool_of(n, ledger) == pool] for h, hosts in holders.items()}
        short -= sum(len(freed[h]) for h in found)
        for holder, hosts in freed.items():
            if short > 0 and hosts and holder not in found:
                found[holder] = _reason(emergency, hosts)
                short -= len(hosts)
    return found


def _may_yield(emergency: Emergency, ledger: LedgerFacts) -> dict[str, list[str]]:
    """Holder: its hosts that it would free if it gave way, the youngest holder first. What an outsider works on comes
    back by their word only, and so frees nothing.
    """
    seen = ledger.observation.hosts if ledger.observation is not None else {}
    holders: dict[str, list[str]] = {}
    for lease in sorted(ledger.leases.values(), key=lambda x: (x.since, x.holder), reverse=True):
        own = ids.emergency_of(lease.holder) == emergency.id
        if lease.counted is not Counted.PLANNED or not lease.holder.startswith(_YIELDS) or own:
            continue
        if not working_outsiders(lease, seen.get(lease.host), ledger):
            holders.setdefault(lease.holder, []).append(lease.host)
    return holders


def _pool_of(name: str, ledger: LedgerFacts) -> str | None:
    """The pool of a host; None for one that left the fleet under its lease."""
    host = ledger.hosts.get(name)
    return host.pool if host is not None else None


def _reason(emergency: Emergency, hosts: Sequence[str]) -> str:
    return f"{emergency.id} goes before it and needs {some(hosts)}, or their place in the buffer"


def _ask(emergency: Emergency, names: Sequence[str], ledger: LedgerFacts) -> Ask:
    request = Request(
        id=emergency.id,
        cluster=emergency.spec.cluster,
        kind=RequestClass.EMERGENCY,
        holder=emergency.id,
        hosts=tuple(names),
        asked_at=emergency.started_at,
        override=emergency.override,
        partial=True,
    )
    return Ask(request, request.hosts, {}, aged=False)


def _told(hosts: Sequence[EmergencyHost], wanted: Sequence[str], ledger: LedgerFacts) -> str:
    """What goes on, and what the hosts that are asked for wait for."""
    under_way = sum(h.state is EmergencyHostState.UNDER_WAY for h in hosts)
    pending = sum(h.state is EmergencyHostState.PENDING for h in hosts)
    told = f"{under_way} hosts under way, {len(wanted)} asked for, {pending} waiting for their turn"
    if ledger.stops:
        told += f"; {in_words(ledger.stops[0])}"
    return told


LOOKS_AGAIN = timedelta(seconds=15)
"""Pause after which it looks again while hosts it has asked for wait: a word to a holder may have been lost."""

PATIENCE = timedelta(minutes=5)
"""Time for which it looks again for hosts of which nobody can tell, while there are no others."""
