"""`maintrain host give|taken|keep|take-over`: a host passes between us and a named outsider. The row comes first; the
dispatcher's looks bring it to its end, so a command needs no Temporal.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from fleet import ids
from fleet.errors import InvalidInput, Refused, Unreachable
from fleet.models.handover import Handover, HandoverState, HandoverWay
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.messages import Command
from fleet.models.scheduler import Node
from fleet.models.units import format_duration, parse_duration
from fleet.policy.handover import in_words, misread, names, theirs
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.engine import engine, update
from starter.member import HostArgument, InCluster, find_host, in_repair
from starter.options import Actor, DryRun, Json, Reason, command, host_name
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say

OUTSIDER = r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,39}"
Within = Annotated[str, typer.Option("--within", metavar="DURATION", help="After which people are told, such as 4h.")]
To = Annotated[str, typer.Option("--to", metavar="NAME", help="Who gets it, such as a vendor.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who has it now: the one it was to be given to.")]
From = Annotated[str, typer.Option("--from", metavar="NAME", help="Whose it is: the beginning of its drain's reason.")]


def give(
    host: HostArgument,
    *,
    to: To,
    within: Within = "4h",
    reason: Reason,
    cluster: InCluster = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give a host in repair to an outsider. It stays in repair until they drain it, or `host taken` says so."""
    asked = _Ask(host_name(host), cluster, command(actor, reason), dry_run, as_json)
    run(_give(asked, _outsider("--to", to), _within(within)))


def taken(
    host: HostArgument,
    *,
    by: By,
    reason: Reason,
    cluster: InCluster = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Say that an outsider has the host that was to be given to them: our drain becomes theirs."""
    asked = _Ask(host_name(host), cluster, command(actor, reason), dry_run, as_json)
    run(_taken(asked, _outsider("--by", by)))


def keep(
    host: HostArgument,
    *,
    reason: Reason,
    cluster: InCluster = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Call a `host give` back that nobody has taken. The host waits in repair for a person's word."""
    run(_keep(_Ask(host_name(host), cluster, command(actor, reason), dry_run, as_json)))


def take_over(
    host: HostArgument,
    *,
    from_: From,
    within: Within = "1h",
    reason: Reason,
    cluster: InCluster = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take a host over from whoever drained it: their drain becomes ours, and it is verified."""
    asked = _Ask(host_name(host), cluster, command(actor, reason), dry_run, as_json)
    run(_take(asked, _outsider("--from", from_), _within(within)))


@dataclass(frozen=True)
class _Ask:
    """What every command here is given."""

    host: str
    cluster: str | None
    said: Command
    dry_run: bool
    as_json: bool


async def _give(ask: _Ask, to: str, within: timedelta) -> None:
    name, said = ask.host, ask.said
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        where = await in_repair(store, fleet, name, ask.cluster)
        lease = _ours(await store.lease(where, name), f"{where}/{name}")
        reasons, reason = find_cluster(fleet, where).failed_reasons, theirs(to, said.reason)
        bad = misread(reason, reasons)
        if bad:
            raise InvalidInput("--to", "", f"expected a name and a reason that tell of an outsider, {reason!r}: {bad}")
        node = await _node(store, where, name)
        shown = (node.reason or "") if node is not None and node.draining else ""
        if shown and shown != ids.drain_reason(ids.REPAIR, lease.operation) and misread(shown, reasons):
            raise Refused(f"{where}/{name} is under another's drain ({shown}): take it over first, or wait for its end")
        pool = await _pool(store, where, name)
        asked = await _asked(store, (where, pool, name), HandoverWay.GIVE, to, within, said)
        asked = asked.model_copy(update={"operation": lease.operation, "theirs": reason})
        if not ask.dry_run:
            asked = await store.ask_handover(asked)
    halted = "" if ask.dry_run else await _halt(where, name, said.model_copy(update={"reason": f"given to {to}"}))
    _tell(asked, ask, f"it stays in repair until {to} has it, within {format_duration(within)}. {halted}")


async def _halt(cluster: str, name: str, said: Command) -> str:
    """Have the repair begin nothing more; the row says so too, wherever its workflow can't be told."""
    absent = "no workflow looks after it just now: it heeds the row when it goes on"
    try:
        async with engine() as client:
            return await update(client, ids.host(cluster, name), "give", said, absent)
    except (Refused, Unreachable) as error:
        return f"{error}; its next try will not begin"


async def _taken(ask: _Ask, by: str) -> None:
    async with facts() as store:
        asked = await _under_way(store, ask)
        if by.casefold() != asked.outsider.casefold():
            raise InvalidInput("--by", "", f"expected {asked.outsider!r}, to whom it is to be given, found {by!r}")
        if not ask.dry_run:
            asked = await store.acknowledge_handover(asked.id, by, ask.said, await store.clock())
    _tell(asked, ask, f"its lease ends once the scheduler shows {asked.theirs!r} on it")


async def _keep(ask: _Ask) -> None:
    async with facts() as store:
        asked = await _under_way(store, ask)
        kept = ask.dry_run or await store.withdraw_handover(asked.id, ask.said, await store.clock())
        if asked.state is HandoverState.ACKNOWLEDGED or not kept:
            raise Refused(f"{asked.cluster}/{ask.host} is {asked.outsider}'s by now; see maintrain host take-over")
    _tell(asked, ask, "called back; it waits in repair for `host repaired`, `retry` or `decommission`")


async def _take(ask: _Ask, from_: str, within: timedelta) -> None:
    name = ask.host
    async with facts() as store:
        host = await find_host(store, (await in_force(store)).fleet, name, ask.cluster)
        where = f"{host.cluster}/{name}"
        node, lease = await _node(store, host.cluster, name), await store.lease(host.cluster, name)
        reason = (node.reason or "") if node is not None and node.draining else ""
        if not reason or ids.owned_reason(reason) is not None or not names(reason, from_):
            raise Refused(f"{where} is not in the hands of {from_}: {reason or 'nobody has drained it'}")
        asked = await _asked(store, (host.cluster, host.pool, name), HandoverWay.TAKE, from_, within, ask.said)
        asked = asked.model_copy(update={"theirs": reason})
        if lease is not None:
            asked = asked.model_copy(update={"operation": _ours(lease, where).operation})
        if not ask.dry_run:
            now = await store.clock()
            asked = await (store.take_over(asked, now) if lease is None else store.ask_handover(asked))
    _tell(asked, ask, "its drain becomes ours with the dispatcher's next look")


async def _asked(
    store: Store, place: tuple[str, str, str], way: HandoverWay, outsider: str, within: timedelta, said: Command
) -> Handover:
    cluster, pool, host = place
    now = await store.clock()
    return Handover(
        id="",
        cluster=cluster,
        pool=pool,
        host=host,
        way=way,
        outsider=outsider,
        actor=said.actor,
        reason=said.reason,
        operation="",
        theirs="",
        asked_at=now,
        deadline=now + within,
    )


async def _under_way(store: Store, ask: _Ask) -> Handover:
    name = ask.host
    where = await in_repair(store, (await in_force(store)).fleet, name, ask.cluster)
    asked = await store.handover(where, name)
    if asked is None or asked.state.over or asked.way is not HandoverWay.GIVE:
        raise Refused(f"{where}/{name} is not to be given to anybody")
    return asked


async def _node(store: Store, cluster: str, name: str) -> Node | None:
    """As of the last look."""
    look = (await store.facts(cluster, await store.clock())).observation
    found = look.hosts.get(name) if look is not None else None
    return found.node if found is not None else None


async def _pool(store: Store, cluster: str, name: str) -> str:
    return next((h.pool for h in await store.hosts(cluster) if h.name == name), "unknown")


def _ours(lease: LeaseHost | None, where: str) -> LeaseHost:
    if lease is None or lease.counted is not Counted.FAILED:
        raise Refused(f"{where} is not in repair")
    return lease


def _tell(asked: Handover, ask: _Ask, then: str) -> None:
    if ask.as_json:
        print_json({"handover": dump(asked), "dry_run": ask.dry_run, "then": then})
    elif ask.dry_run:
        say(f"would be done: {asked.cluster}/{asked.host} {in_words(asked)}; nothing was changed")
    else:
        say(f"{asked.cluster}/{asked.host} {in_words(asked)}: {then}")


def _outsider(source: str, text: str) -> str:
    if not re.fullmatch(OUTSIDER, text) or text.casefold().startswith("maintrain"):
        raise InvalidInput(source, "", f"expected somebody else's name of letters, digits and . - _ @, found {text!r}")
    return text


def _within(text: str) -> timedelta:
    try:
        within = parse_duration(text)
    except ValueError as error:
        raise InvalidInput("--within", "", str(error)) from error
    if within <= timedelta(0):
        raise InvalidInput("--within", "", f"expected more than {text}")
    return within
