"""`maintrain host`: what is known of a host, and a person's word on one that is in repair."""

import typer

from fleet import ids
from fleet.errors import Refused
from fleet.evidence import findings_lines, rung_end
from fleet.models.host import Host, HostSet, Standing
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.messages import Command
from fleet.models.rungs import RungRecord
from fleet.models.work import HostOutcome, StepRecord
from fleet.policy.handover import in_words
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.engine import engine, update
from starter.host_handover import give, keep, take_over, taken
from starter.lemons import lemons
from starter.member import HostArgument, InCluster, find_host, in_repair
from starter.options import Actor, DryRun, Json, Reason, command, host_name
from starter.picture import picture
from starter.session import facts, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="Look at a host; say that it is repaired, or gone for good.", no_args_is_help=True)

MOST_OUTCOMES = 10


@app.command()
def show(host: HostArgument, cluster: InCluster = None, as_json: Json = False) -> None:
    """Its set and owner, its versions, what happened to it last."""
    run(_show(host_name(host), cluster, as_json))


@app.command()
def repaired(
    host: HostArgument, *, reason: Reason, cluster: InCluster = None, actor: Actor = None, dry_run: DryRun = False
) -> None:
    """Say that a host in repair is repaired: it is upgraded, verified, and returns if it passes."""
    run(_tell(host_name(host), cluster, "repaired", command(actor, reason), dry_run))


@app.command()
def decommission(
    host: HostArgument, *, reason: Reason, cluster: InCluster = None, actor: Actor = None, dry_run: DryRun = False
) -> None:
    """Take a host in repair out of service for good."""
    run(_tell(host_name(host), cluster, "decommission", command(actor, reason), dry_run))


@app.command()
def retry(
    host: HostArgument, *, reason: Reason, cluster: InCluster = None, actor: Actor = None, dry_run: DryRun = False
) -> None:
    """Let a host in repair try again as it is: what is due, every verification, the gate."""
    run(_tell(host_name(host), cluster, "retry", command(actor, reason), dry_run))


app.command()(lemons)
app.command()(give)
app.command()(taken)
app.command()(keep)
app.command("take-over")(take_over)


async def _tell(name: str, cluster: str | None, what: str, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        where = await in_repair(store, (await in_force(store)).fleet, name, cluster)
        lease = await store.lease(where, name)
        asked = asked.model_copy(update={"at": await store.clock()})
    absent = f"{where}/{name} is not in repair"
    if dry_run:
        if lease is None or lease.counted is not Counted.FAILED:
            raise Refused(absent)
        say(f"would be told to the repair of {where}/{name}: {what} ({asked.reason}); nothing was changed")
        return
    async with engine() as client:
        answer = await update(client, ids.host(where, name), what, asked, absent)
    say(answer)


async def _show(name: str, cluster: str | None, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        host = await find_host(store, fleet, name, cluster)
        standing = (await picture(store, fleet, host.cluster)).standings.get(name) or _gone(name)
        lease = await store.lease(host.cluster, name)
        versions = (await store.versions(host.cluster)).get(name, {})
        outcomes = await store.outcomes(host.cluster, host=name, limit=MOST_OUTCOMES)
        steps = await _evidence(store, lease, outcomes)
        rungs = await _rungs(store, lease, outcomes)
        handover = await store.handover(host.cluster, name)
    if as_json:
        print_json(
            {
                "host": dump(host),
                "standing": dump(standing),
                "lease": lease,
                "versions": versions,
                "outcomes": outcomes,
                "steps": steps,
                "rungs": rungs,
                "handover": handover,
            }
        )
        return
    say(f"{host.cluster}/{name}, pool {host.pool}: {standing.set}, {standing.reason}")
    told = (f"{what} {value or '-'}" for what, value in _identity(host))
    say(f"{', '.join(told)}, since {host.since:%F}")
    if lease:
        say(f"held by {lease.holder} since {lease.since:%F %T}, counted as {lease.counted}: {lease.why or '-'}")
    if handover and not handover.state.over:
        say(f"handover {handover.state}: {in_words(handover)}, until {handover.deadline:%F %T}Z")
    _say_past(versions, outcomes, steps)
    _say_found(steps, rungs)


def _identity(host: Host) -> tuple[tuple[str, str | None], ...]:
    return ("rack", host.rack), ("nvlink", host.nvlink), ("model", host.model), ("serial", host.serial)


def _gone(name: str) -> Standing:
    """A decommissioned host is in none of the sets that count; it stays drained with our hold."""
    return Standing(host=name, set=HostSet.FOREIGN, owner="operator", reason="decommissioned")


async def _evidence(store: Store, lease: LeaseHost | None, outcomes: tuple[HostOutcome, ...]) -> tuple[StepRecord, ...]:
    """Steps of what is under way or was last: in repair, those of the visit that failed and of every try since."""
    led = await store.tried(outcomes[0].operation) if outcomes else ()
    if lease is None or (outcomes and lease.operation == outcomes[0].operation):
        return led
    return (*led, *await store.tried(lease.operation))


async def _rungs(store: Store, lease: LeaseHost | None, outcomes: tuple[HostOutcome, ...]) -> tuple[RungRecord, ...]:
    """Rungs of the repair that is under way, or of what was last."""
    if lease is not None:
        return await store.rungs(lease.operation)
    return await store.rungs(outcomes[0].operation) if outcomes else ()


def _say_found(steps: tuple[StepRecord, ...], rungs: tuple[RungRecord, ...]) -> None:
    """What verifications found, with the evidence, and which rungs of the repair ladder were climbed."""
    for step in steps:
        if step.verification is not None and step.verification.findings:
            say(f"\nfound by {step.step} of {step.operation} at {step.ended:%F %T}Z")
            say("\n".join(findings_lines(step.verification.findings)))
    if rungs:
        rows = [(r.attempt, r.name, r.reason, "" if r.rung is None else rung_end(r)) for r in rungs]
        say("\n" + table(("try", "rung", "why", "how it ended"), rows))


def _say_past(versions: dict[str, str], outcomes: tuple[HostOutcome, ...], steps: tuple[StepRecord, ...]) -> None:
    if versions:
        say("\n" + table(("component", "version last observed"), sorted(versions.items())))
    if outcomes:
        rows = [(f"{o.at:%F %T}", o.outcome, o.reason, o.operation) for o in outcomes]
        say("\n" + table(("at", "outcome", "reason", "operation"), rows))
    if steps:
        lasted = [(s.step, s.action, f"{(s.ended - s.started).total_seconds():.1f} s", s.reason) for s in steps]
        say("\n" + table(("last steps", "then", "took", "reason"), lasted))
