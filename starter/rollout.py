"""`maintrain rollout`: start, plan, look at and steer the rollouts of upgrades."""

from pathlib import Path
from typing import Annotated

import typer

from fleet.errors import Refused, Unreachable
from fleet.models.audit import AuditEntry
from fleet.models.messages import Command
from fleet.models.rollouts import OPEN_STATES, Trial
from fleet.policy.rollout_orders import Verb, subject_of
from fleet.rollout_view import HEADS, phase_rows
from starter.asynchronous import run
from starter.engine import engine, start_dispatcher, start_rollout
from starter.options import Actor, DryRun, Json, Reason, command
from starter.rollout_look import Seen, find_rollout, see
from starter.rollout_orders import give
from starter.rollout_plan import plan_lines, plan_rollout
from starter.rolloutfile import read_rollout
from starter.session import facts, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer(help="Rollouts: an upgrade's way through its phases.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML: component, version, prior, phases …")]
RolloutName = Annotated[str, typer.Argument(metavar="ROLLOUT", help="A rollout, such as gpu-driver/550.127.08.")]
MaybeRollout = Annotated[str | None, typer.Argument(metavar="[ROLLOUT]", help="A rollout; default: all of them.")]
FileOrRollout = Annotated[str, typer.Argument(metavar="FILE.yaml|ROLLOUT", help="A spec file, or a rollout's name.")]
Last = Annotated[int, typer.Option("--last", "-n", min=1, max=10_000, help="How many entries of each kind.")]


@app.command()
def start(file: File, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Start a rollout from its spec file; its first phase opens at once, unless it needs an approval."""
    run(_start(file, command(actor, reason), dry_run))


@app.command()
def plan(what: FileOrRollout, as_json: Json = False) -> None:
    """The dry run: which hosts in which phase, what needs testing first, how many cycles."""
    run(_plan(what, as_json))


@app.command()
def status(rollout: MaybeRollout = None, as_json: Json = False) -> None:
    """The phases of a rollout, how their hosts fare, and why it waits."""
    run(_status(rollout, as_json))


@app.command()
def approve(rollout: RolloutName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Let the next phase that waits for an approval open when its gate does."""
    run(give(rollout, Verb.APPROVE, command(actor, reason), dry_run))


@app.command()
def pause(rollout: RolloutName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Board it nowhere until it is resumed; hosts that carry it keep it."""
    run(give(rollout, Verb.PAUSE, command(actor, reason), dry_run))


@app.command()
def resume(rollout: RolloutName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Go on after a pause; failures until now no longer count at its gates."""
    run(give(rollout, Verb.RESUME, command(actor, reason), dry_run))


@app.command()
def offboard(rollout: RolloutName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Take it out of every train at once, visits under way too; then what its spec says."""
    run(give(rollout, Verb.OFFBOARD, command(actor, reason), dry_run))


@app.command()
def rollback(rollout: RolloutName, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Offboard it, and bring the prior version back wherever it is, also when its spec says to leave it."""
    run(give(rollout, Verb.ROLL_BACK, command(actor, reason), dry_run))


@app.command()
def history(rollout: RolloutName, last: Last = 50, as_json: Json = False) -> None:
    """Who did what to it and why, and how hosts fared with it; the newest first."""
    run(_history(rollout, last, as_json))


async def _start(file: Path, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        spec = read_rollout(file, fleet)
        known = await store.rollout(spec.id)
        if known is not None and known.spec != spec:
            raise Refused(f"{spec.id} was started before with another spec, and is {known.state}: {known.reason}")
        if known is not None and known.state not in OPEN_STATES:
            raise Refused(f"{spec.id} was started before, and is {known.state}: {known.reason}")
        drafted = await plan_rollout(store, fleet, spec)
        if known is None and drafted.refused:
            raise Refused(f"{spec.id}: {'; '.join(drafted.refused)}")
        first, rest = drafted.phases[0], sum(sum(map(len, p.hosts.values())) for p in drafted.phases[1:])
        words = f"{sum(map(len, first.hosts.values()))} hosts in phase {first.phase}, {rest} in the phases after it"
        if dry_run:
            begins = "would be started" if known is None else "was started before"
            say(f"{begins}: {spec.id}, {words}; nothing was changed")
            return
        lacks = "the rollout was not started"
        try:
            async with engine() as client:  # first of all: with Temporal down nothing is written
                new = await store.start_rollout(spec, asked.actor, asked.reason, await store.clock())
                lacks = f"{spec.id} is written, and keeps its spec, but its workflow does not run: start it once more"
                for cluster in spec.clusters:
                    await start_dispatcher(client, cluster)
                await start_rollout(client, spec)
        except Unreachable as error:
            raise Unreachable(f"{lacks}: {error}") from error
        say(f"{'started' if new else 'was started before'}: {spec.id}, {words}")
        say("its hosts get it with their trains' visits: see maintrain train status")


async def _plan(what: str, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        if Path(what).suffix in (".yaml", ".yml"):
            spec = read_rollout(Path(what), fleet)
        else:
            spec = (await find_rollout(store, what)).spec
        drafted = await plan_rollout(store, fleet, spec)
    if as_json:
        print_json(dump(drafted))
        return
    for line in plan_lines(drafted):
        say(line)


async def _status(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        await in_force(store)
        chosen = [await find_rollout(store, wanted)] if wanted is not None else list(await store.rollouts())
        seen = [await see(store, rollout) for rollout in chosen]
    if as_json:
        print_json([s.plain() for s in seen])
        return
    if not seen:
        say("no rollout was started yet: maintrain rollout start FILE --reason …")
    for one in seen:
        _say(one)


def _say(seen: Seen) -> None:
    rollout, spec = seen.rollout, seen.rollout.spec
    say(f"{rollout.id} (after {spec.prior}): {rollout.state}, priority {spec.priority}")
    say(f"  {seen.gate.action.replace('_', ' ')}: {seen.gate.reason}")
    if rollout.apart:
        say(f"  boards apart from {', '.join(rollout.apart)}, until it is told which of them fails hosts")
    for one in seen.emergencies:
        say(f"  taken back by {one.id}: {one.state}: {one.reason}")
    say(table(HEADS, phase_rows(rollout, seen.facts.counts)))


async def _history(wanted: str, last: int, as_json: bool) -> None:
    async with facts() as store:
        rollout = await find_rollout(store, wanted)
        entries = await store.audit_log(last, subject_of(rollout.id))
        trials = await store.trials(rollout.spec.clusters, rollout.started_at)
    mine = sorted((t for t in trials if rollout.id in t.rollouts), key=lambda t: t.at, reverse=True)[:last]
    if as_json:
        print_json({"entries": [dump(e) for e in entries], "trials": [dump(t) for t in mine]})
        return
    _say_history(entries, mine)


def _say_history(entries: tuple[AuditEntry, ...], trials: list[Trial]) -> None:
    say(table(("at", "who", "did", "why"), [(f"{e.at:%F %T}", e.actor, e.action, e.reason) for e in entries]))
    if not trials:
        say("\nno host has been visited with it yet")
        return
    rows = [(f"{t.at:%F %T}", f"{t.cluster}/{t.host}", _how(t), _beside(t), t.detail) for t in trials]
    say("\n" + table(("at", "host", "how", "boarded", "said"), rows))


def _how(trial: Trial) -> str:
    if trial.inconclusive:
        return "inconclusive"
    if not trial.failed:
        return "passed"
    return ("failed in production" if trial.in_production else "failed") + (
        f" ({trial.category})" if trial.category else ""
    )


def _beside(trial: Trial) -> str:
    return ", ".join(f"{name} {version}" for name, version in trial.versions.items())
