"""`maintrain job`: what a job ran on, for those who look for why it failed."""

import re
from typing import Annotated

import typer

from fleet.errors import InvalidInput, Refused
from fleet.hostlist import compact
from fleet.models.fleetfile import Cluster
from fleet.models.job_stack import JobStack
from fleet.policy.job_stack import job_stack
from starter.asynchronous import run
from starter.options import Json
from starter.session import facts, find_cluster, hands, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="Look at what a job ran on.", no_args_is_help=True)

InCluster = Annotated[str | None, typer.Option("--cluster", help="Its cluster; default: the only one.")]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@app.callback()
def _noun() -> None:
    """Look at what a job ran on."""


@app.command()
def stack(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job id, such as 4711 or 4711_3.")],
    cluster: InCluster = None,
    as_json: Json = False,
) -> None:
    """The versions on a job's hosts when it started, by layer."""
    if not _ID.fullmatch(job):
        raise InvalidInput("JOB", "", f"expected a job id such as 4711 or 4711_3, found {job[:40]!r}")
    run(_stack(job, cluster, as_json))


async def _stack(job: str, wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        cluster = find_cluster((await in_force(store)).fleet, wanted)
        async with hands(cluster, store) as reach:
            ran = await reach.scheduler.job_run(job)
        members = {host.name for host in await store.hosts(cluster.name)}
        strangers = [host for host in ran.hosts if host not in members]
        if len(strangers) == len(ran.hosts):
            raise Refused(f"no host of job {job} is a member of {cluster.name}: {compact(strangers)}")
        history = await store.version_history(cluster.name, ran.hosts)
    found = job_stack(cluster.name, cluster.stack, ran, history)
    if as_json:
        print_json(dump(found))
        return
    _say(found, cluster)


def _say(found: JobStack, cluster: Cluster) -> None:
    ran = found.run
    until = f"to {ran.ended:%F %T}Z" if ran.ended else "and runs"
    say(f"job {ran.id} on {compact(ran.hosts)} ({len(ran.hosts)}), from {ran.started:%F %T}Z {until}, by {ran.source}")
    layers = {c.name: c.layer for c in cluster.stack.components}
    for group in found.groups:
        say(f"\n{compact(group.hosts)} ({len(group.hosts)}):")
        rows = [(layers[name], name, version) for name, version in group.versions.items()]
        if rows:
            say(table(("layer", "component", "version"), rows))
        if group.unknown:
            say(f"not known at its time: {', '.join(group.unknown)}")
    say()
    for change in found.changes:
        say(f"changed while it ran: {change.host}: {change.component} {change.version}, seen at {change.at:%F %T}Z")
    if not any(group.versions for group in found.groups):
        say("nothing was known of its hosts at its time: they were read later, or never")
    elif found.differing:
        say(f"its hosts differed in {', '.join(found.differing)}")
    else:
        say("all its hosts carried the same")
