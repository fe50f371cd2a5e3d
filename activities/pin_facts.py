"""What decides what a pin switch does next, read from the store; and its lease request, filed where it is due."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from temporalio import activity

from activities.deps import Deps
from fleet import ids
from fleet.errors import DriverError
from fleet.hostlist import natural_key
from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Request, RequestClass, RequestState
from fleet.models.override import Override
from fleet.models.pin import PinHost, PinHostState, PinState, PinSwitch
from fleet.policy.pin_check import PinCheck, check_switch, misfits, with_pin
from fleet.policy.pin_look import LOOKS_AGAIN, PinFacts, strays, too_many_shut_out
from fleet.policy.pin_steps import batch_size
from fleet.policy.sets import standings
from fleet.policy.stopping import in_words

WINDOWS_FOR_ALL = 3
"""Windows for which the floor is overridden: one to go forth, and as long again to go back and to return."""
READ_AT_ONCE = 16
"""Hosts whose versions are read at once."""
SEVERAL_LOOKS = 10
"""Observations of the cluster after which a switch that nobody woke looks again."""
JUDGED = (PinState.CHECKING, PinState.ASKING, PinState.REQUESTING)
_NOT_CLOSED = (PinState.CHECKING, PinState.PREPARING, PinState.ASKING, PinState.REQUESTING)
_PREPARES_MORE = (PinState.ASKING, PinState.REQUESTING)


@dataclass(frozen=True)
class PinLook:
    """What was read for one switch at one moment."""

    switch: PinSwitch
    facts: PinFacts
    members: tuple[Host, ...]
    """Those in service."""
    up: tuple[Host, ...]
    """Members in production."""
    leased: tuple[Host, ...]
    """Members that the switch holds."""
    unprepared: tuple[PinHost, ...] = ()
    """Members in production that came there since the others were prepared, as rows to be."""


async def look_at_pin(deps: Deps, switch: PinSwitch) -> PinLook:
    """Read what the next step depends on; files the lease request of a switch that waits for its lease."""
    store, now = deps.store, await deps.clock()
    ledger, cluster = await store.facts(switch.spec.cluster, now), await deps.cluster(switch.spec.cluster)
    members = tuple(h for h in ledger.hosts.values() if not h.decommissioned)
    where = standings(ledger)
    up = tuple(h for h in members if where[h.name].set is HostSet.UP)
    if switch.state in _NOT_CLOSED:
        await _withdraw_earlier(deps, switch)
    request = None
    if switch.state is PinState.REQUESTING and not switch.aborted:
        request = await _asked(deps, switch, members)
    leased = {lease.host for lease in await store.leases(switch.id)}
    mine = tuple(h for h in members if h.name in leased)
    unprepared = await _unprepared(deps, switch, up) if switch.state in _PREPARES_MORE else ()
    facts = PinFacts(
        switch=switch,
        now=now,
        check=await _check(deps, switch, dict.fromkeys((*up, *mine))) if switch.state in JUDGED else None,
        counts=await store.count_pin_hosts(switch.id),
        stop=_stop(ledger),
        looks_every=min(LOOKS_AGAIN, SEVERAL_LOOKS * cluster.observe_every),
        notice=max(pool.notice for pool in cluster.pools),
        granted=request is not None and request.state is RequestState.GRANTED,
        waits_because=request.waits_because if request is not None else "",
        unprepared=len(unprepared),
        pins=cluster.pins,
        joined=await joined(deps, switch, ledger),
    )
    return PinLook(switch, facts, members, up, mine, unprepared)


async def _unprepared(deps: Deps, switch: PinSwitch, up: tuple[Host, ...]) -> tuple[PinHost, ...]:
    known = {host.host: host for host in await deps.store.pin_hosts(switch.id)}
    # One that was late at an earlier try has its row still.
    new = tuple(h for h in up if h.name not in known or known[h.name].state is PinHostState.CAUGHT_UP)
    first = 1 + max((host.batch for host in known.values()), default=-1)
    return rows(new, PinHostState.TO_PREPARE, len(switch.spec.targets), first)


def rows(hosts: tuple[Host, ...], state: PinHostState, components: int = 1, first: int = 0) -> tuple[PinHost, ...]:
    """Hosts as rows of a switch that moves so many components, in batches of one pool each, whose hosts measure the
    fabric with one another: all of a size, so that none is alone in what is left. `first`: number of the first batch.
    """
    most = batch_size(components)
    found: list[PinHost] = []
    number = first
    for pool in sorted({host.pool for host in hosts}):
        names = sorted((host.name for host in hosts if host.pool == pool), key=natural_key)
        batches = -(-len(names) // most)
        for n in range(batches):
            chosen = names[len(names) * n // batches : len(names) * (n + 1) // batches]
            found += [PinHost(host=name, pool=pool, state=state, batch=number) for name in chosen]
            number += 1
    return tuple(found)


async def joined(deps: Deps, switch: PinSwitch, ledger: LedgerFacts) -> tuple[str, ...]:
    """Members in production though the cluster is closed, which nobody holds: whoever joined it meanwhile."""
    found = strays(ledger, switch)
    late = await deps.store.pin_hosts(switch.id, states=(PinHostState.LATE,)) if found else ()
    return tuple(sorted(found - {host.host for host in late}))


def _stop(ledger: LedgerFacts) -> str:
    return in_words(ledger.stops[0]) if ledger.stops else ""


async def _check(deps: Deps, switch: PinSwitch, hosts: Collection[Host]) -> PinCheck:
    """Judge hosts in production, and those the switch was granted: a visit may have had them when it was approved."""
    spec, cluster = switch.spec, await deps.cluster(switch.spec.cluster)
    await _read_unread(deps, spec.cluster, hosts)
    versions = await deps.store.versions(spec.cluster)
    production = {host.name: versions.get(host.name, {}) for host in hosts}
    entries = await deps.store.matrix(spec.cluster)
    return check_switch(cluster, spec.component, spec.version, spec.together, production, entries)


async def shut_out(deps: Deps, switch: PinSwitch) -> str:
    """Why gates would keep too many hosts out once the new pin is in force; empty when they would not. An entry of the
    matrix may have turned broken since the hosts were judged.
    """
    name, spec = switch.spec.cluster, switch.spec
    known, counts = await deps.store.versions(name), await deps.store.count_pin_hosts(switch.id)
    checked = await deps.store.pin_hosts(switch.id, states=(PinHostState.CHECKED,))
    future = with_pin(await deps.cluster(name), spec.component, spec.version)
    gaps = misfits(future, {h.host: known.get(h.host, {}) for h in checked}, await deps.store.matrix(name))
    return too_many_shut_out(spec, counts, gaps)


async def _read_unread(deps: Deps, cluster: str, hosts: Collection[Host]) -> None:
    """Read the versions of hosts that nobody has read yet; a silent one stays unread, which the check tells."""
    known, several = await deps.store.versions(cluster), asyncio.Semaphore(READ_AT_ONCE)

    async def read(host: str) -> None:
        async with several:
            try:
                versions = await deps.reach(cluster).hardware.versions(host)
            except DriverError as error:
                activity.logger.info(f"versions of {host} can't be read: {error}")
                return
            await deps.store.record_versions(cluster, host, versions, await deps.clock())

    await asyncio.gather(*(read(host.name) for host in hosts if host.name not in known))


async def _withdraw_earlier(deps: Deps, switch: PinSwitch) -> None:
    """End what it asked for at earlier tries, which a worker that died as it asked anew may have left: it would keep
    the cluster from everybody, the next request of the switch too.
    """
    for earlier in range(switch.ask):
        await deps.store.withdraw(ids.request(switch.id, earlier), switch.reason, await deps.clock())


async def _asked(deps: Deps, switch: PinSwitch, members: tuple[Host, ...]) -> Request | None:
    """The request as it stands, acknowledged once it is granted; None when the switch went on meanwhile."""
    spec, lasts = switch.spec, WINDOWS_FOR_ALL * switch.spec.window.total_seconds()
    request = await deps.store.request_for_pin(
        switch.id,
        switch.ask,
        Request(
            id=ids.request(switch.id, switch.ask),
            cluster=spec.cluster,
            kind=RequestClass.PIN_SWITCH,
            holder=switch.id,
            hosts=tuple(host.name for host in members),
            asked_at=switch.changed_at,
            expected_seconds=spec.window.total_seconds(),
            actor=switch.approved_by,
            why=f"pin switch: {switch.name}",
            override=Override(actor=switch.started_by, reason=switch.why, lasts=lasts),
        ),
    )
    if request is not None and request.state is RequestState.GRANTED:
        await deps.store.acknowledge(request.id, await deps.clock())
    return request
