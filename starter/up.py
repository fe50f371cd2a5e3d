"""`maintrain up`, `worker` and `setup`: the processes. `up` is all of it in one: the embedded Temporal, its set-up, the
dispatchers and a worker, until a signal ends it.
"""

from typing import Annotated

import typer
from temporalio.client import Client

from fleet.models.fleetfile import FleetFile
from runtime.client import connect
from runtime.embedded import EmbeddedServer
from runtime.logging import configure_logging
from runtime.namespace import setup_namespace
from runtime.settings import load_settings
from starter.asynchronous import run
from starter.engine import start_dispatcher
from starter.session import facts
from starter.show import say

app = typer.Typer()

PATIENCE = 20.0
"""Seconds that `setup` waits for a Temporal that is only just starting."""


@app.command()
def up() -> None:
    """Run the embedded Temporal, the dispatchers and a worker until Ctrl-C or SIGTERM; prints the UI's address."""
    run(_up())


@app.command()
def worker(
    cluster: Annotated[list[str] | None, typer.Option("--cluster", help="Serve this cluster; default: all.")] = None,
) -> None:
    """Join the Temporal that the environment names, as a worker."""
    run(_worker(tuple(cluster or ())))


@app.command()
def setup() -> None:
    """Make the namespace ready (search attributes, retention) and start the dispatchers; safe to repeat."""
    run(_setup())


async def _up() -> None:
    # Loaded here: a worker brings every workflow, which no other command needs.
    from worker.main import run_worker  # noqa: PLC0415
    from worker.signals import stop_on_signals  # noqa: PLC0415

    settings = load_settings().embedded()
    configure_logging(settings)
    stop = stop_on_signals()
    async with facts() as store:
        record = await store.fleet()
    async with EmbeddedServer(settings) as server:
        say(f"Temporal {server.record.address}, UI {server.record.ui}")
        await prepare(await connect(settings, patience=PATIENCE), record.fleet if record else None)
        if record is None:
            say("no fleet file is in force yet: maintrain fleet load FILE, then maintrain setup for its dispatchers")
        await run_worker(settings, None, stop)


async def _worker(clusters: tuple[str, ...]) -> None:
    from worker.main import run_worker  # noqa: PLC0415  # as above
    from worker.signals import stop_on_signals  # noqa: PLC0415

    settings = load_settings()
    configure_logging(settings)
    await run_worker(settings, clusters or None, stop_on_signals())


async def _setup() -> None:
    async with facts() as store:
        record = await store.fleet()
    client = await connect(load_settings(), patience=PATIENCE)
    await prepare(client, record.fleet if record else None)


async def prepare(client: Client, fleet: FleetFile | None) -> None:
    """The namespace ready and a dispatcher for every cluster of the fleet; says what it did."""
    for sentence in await setup_namespace(client):
        say(sentence)
    for cluster in fleet.clusters if fleet else ():
        started = await start_dispatcher(client, cluster.name)
        say(f"dispatcher of {cluster.name}: {'started' if started else 'it runs already'}")
