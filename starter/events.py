"""`maintrain events`: what other systems are told, in which shape, and whether they take it."""

from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated, Any

import typer

from fleet.errors import InvalidInput
from fleet.models.event import Event, EventKind, SinkState, event
from fleet.models.event_sink import EventSink
from fleet.ports.events import EventSender
from runtime.settings import load_settings
from starter.asynchronous import run
from starter.options import Json, MaybeCluster
from starter.session import facts, find_cluster, in_force, now
from starter.show import dump, print_json, say, table
from starter.wording import near

app = typer.Typer(help="Events for other systems: their log, schema and sinks.", no_args_is_help=True)

Kind = Annotated[str | None, typer.Option("--kind", help="Only events of this kind.", metavar="KIND")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Most to show.")]
SinkName = Annotated[str, typer.Argument(metavar="SINK", help="A sink of the fleet file in force.")]


@app.command("list")
def list_events(cluster: MaybeCluster = None, kind: Kind = None, limit: Limit = 50, as_json: Json = False) -> None:
    """What happened, newest first, whoever took it."""
    run(_list(cluster, kind, limit, as_json))


@app.command()
def schema() -> None:
    """The JSON schema of an event."""
    described = Event.model_json_schema(mode="serialization")
    described["properties"]["kind"]["examples"] = [kind.value for kind in EventKind]
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **described})


@app.command()
def sinks(as_json: Json = False) -> None:
    """Who is told, how far they have come, and what they missed."""
    run(_sinks(as_json))


@app.command()
def test(sink: SinkName) -> None:
    """Send one event of the kind `test` from this machine, and say whether it was taken."""
    run(_test(sink))


async def _list(wanted: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, wanted).name if wanted else None
        found = await store.event_log(cluster, limit, kind)
    if as_json:
        print_json([dump(e) for e in found])
        return
    rows = [(f"{e.at:%F %T}", e.cluster, e.pool or "-", e.kind, _hosts(e), e.reason) for e in found]
    say(table(("at", "cluster", "pool", "kind", "hosts", "reason"), rows) if rows else "no events yet")


async def _sinks(as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        states = await store.sink_states()
    known = {(s.sink, s.cluster): s for s in states}
    rows: list[tuple[EventSink, str]] = [(s, c.name) for s in fleet.events for c in fleet.clusters]
    if as_json:
        print_json([_plain(s, c, known.get((s.name, c))) for s, c in rows])
        return
    if not rows:
        say("the fleet file has no events: nobody is told")
        return
    lines = []
    for sink, cluster in rows:
        state = known.get((sink.name, cluster))
        if state is None:
            lines.append((sink.name, cluster, "-", "-", "not begun: a worker begins it"))
            continue
        well = f"since {state.failing_since:%F %T}: {state.error}" if state.failing_since else "-"
        lines.append((sink.name, cluster, str(state.waiting), str(state.dropped), well))
    say(table(("sink", "cluster", "waiting", "given up", "failing"), lines))


async def _test(name: str) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
    names = [s.name for s in fleet.events]
    sink = next((s for s in fleet.events if s.name == name), None)
    if sink is None:
        expected = f"expected one of {', '.join(names)}{near(name, names)}" if names else "the fleet file has no events"
        raise InvalidInput("SINK", name, expected)
    occasion = f"test/{name}/{datetime.now(UTC).isoformat()}"
    told = event(EventKind.TEST, occasion, now(), (fleet.clusters[0].name, None), reason="sent by hand, as a test")
    # Loaded only here: HTTP and apprise would cost every other command a tenth of its start.
    sender: EventSender = import_module("runtime.event_senders").open_sender(sink, load_settings().data)
    try:
        await sender.send(told)
    finally:
        await sender.close()
    say(f"{name} took the event {told.id}")


def _hosts(found: Event) -> str:
    return found.hosts[0] if len(found.hosts) == 1 else f"{len(found.hosts)} hosts" if found.hosts else "-"


def _plain(sink: EventSink, cluster: str, state: SinkState | None) -> dict[str, Any]:
    way = "webhook" if sink.webhook is not None else "apprise"
    return {"sink": sink.name, "cluster": cluster, "way": way, "state": dump(state) if state is not None else None}
