"""What `maintrain emergency` and `maintrain large` do alike: plan and start what a file asks for, and show it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from fleet import ids
from fleet.emergency_view import HEADS, host_rows, progress_line
from fleet.errors import Refused, Unreachable
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState
from fleet.models.fleetfile import Cluster
from fleet.models.messages import Command
from fleet.policy.emergency_orders import emergency_subject
from fleet.ports.store import Store
from starter.emergency_orders import find_emergency, taken_up
from starter.engine import engine
from starter.overrides import Numbers
from starter.session import facts, in_force
from starter.show import dump, print_json, say, table

Plan = TypeVar("Plan", bound=BaseModel)
Draft = tuple[Cluster, Emergency, tuple[EmergencyHost, ...]]


@dataclass(frozen=True)
class Noun(Generic[Plan]):
    """Where the two differ."""

    large: bool
    begun: str
    """What was done to one that is new."""
    draft: Callable[[Store, Path, Command, Numbers], Awaitable[Draft]]
    """What a file and the options ask for; `Refused` or `InvalidInput` where it can't be."""
    plan_of: Callable[[Store, Cluster, Emergency, tuple[EmergencyHost, ...]], Awaitable[Plan]]
    lines: Callable[[Plan], Iterable[str]]


async def show_plan(noun: Noun[Plan], file: Path, numbers: Numbers, as_json: bool) -> None:
    """The dry run."""
    async with facts() as store:
        drafted = await noun.draft(store, file, Command(actor="plan", reason="a plan"), numbers)
        planned = await noun.plan_of(store, *drafted)
    if as_json:
        print_json(dump(planned))
        return
    for line in noun.lines(planned):
        say(line)


async def begin(noun: Noun[Plan], file: Path, asked: Command, numbers: Numbers, dry_run: bool) -> None:
    """Start it; said again it is the same one. Raises `Refused` for one that is over or takes no host, `Unreachable`
    with the engine down, and then nothing is written.
    """
    async with facts() as store:
        cluster, one, hosts = await noun.draft(store, file, asked, numbers)
        known = await store.emergency(one.id)
        if known is not None and known.over:
            raise Refused(f"{known.id} was started before, and is {known.state}: {known.reason}; choose another name")
        if all(h.state is EmergencyHostState.LEFT_OUT for h in hosts):
            raise Refused(f"{one.id}: no host is selected: are the hosts synced, and their versions read?")
        if dry_run:
            for line in noun.lines(await noun.plan_of(store, cluster, one, hosts)):
                say(line)
            say("nothing was changed")
            return
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                new = await store.start_emergency(one, hosts)
                lost = await taken_up(client, one)
        except Unreachable as error:
            raise Unreachable(f"the {one.noun} was not started: {error}") from error
    begins = f" from {one.begins_at} on" if noun.large else ""
    say(f"{noun.begun if new else f'was {noun.begun} before'}: {one.id}, {len(hosts)} hosts{begins}")
    if lost:
        say(lost)
    if one.override is not None:
        say(f"it may go to a {one.override.numbers}, which is written down")


async def show_status(wanted: str | None, none_yet: str, as_json: bool, *, large: bool) -> None:
    """Where the hosts of one are, or of all, and what it waits for."""
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        every = [e for e in await store.emergencies() if (e.spec.plan is not None) is large]
        found = every if wanted is None else [await find_emergency(store, wanted, large=large)]
        counted = [(e, await store.count_emergency_hosts(e.id)) for e in found]
        clusters = dict.fromkeys(e.spec.cluster for e in found if not e.over and fleet.cluster(e.spec.cluster))
        waits = [r for name in clusters for r in (await store.facts(name, await store.clock())).requests]
    mine = {e.id: [r for r in waits if ids.emergency_of(r.holder) == e.id] for e in found}
    if as_json:
        print_json([{**_plain(e, counts), "waiting": [dump(r) for r in mine[e.id]]} for e, counts in counted])
        return
    if not counted:
        say(none_yet)
    for one, counts in counted:
        say(f"{one.id}: {one.name}: {one.state}")
        if line := progress_line(one):
            say(f"  {line}")
        say(f"  {one.reason}")
        for request in mine[one.id]:
            say(f"  {request.id} waits: {request.waits_because or 'not looked at yet'}")
        if counts:
            say(table(HEADS, host_rows(counts)))


async def show_history(wanted: str, as_json: bool, *, large: bool) -> None:
    """Who did what to it and why, and what became of its hosts."""
    async with facts() as store:
        one = await find_emergency(store, wanted, large=large)
        entries = await store.audit_log(200, emergency_subject(one.id))
        hosts = await store.emergency_hosts(one.id)
    if as_json:
        print_json({"entries": [dump(e) for e in entries], "hosts": [dump(h) for h in hosts]})
        return
    did = [(f"{e.at:%F %T}", e.actor, e.action, e.reason, e.detail) for e in entries]
    say(table(("at", "who", "did", "why", "detail"), did))
    became = [(h.host, h.pool, h.domain, h.state, h.reason) for h in hosts]
    say("\n" + table(("host", "pool", "domain", "how", "why"), became))


def _plain(one: Emergency, counts: dict[EmergencyHostState, int]) -> dict[str, Any]:
    return {**dump(one), "hosts": {state.value: count for state, count in counts.items()}}
