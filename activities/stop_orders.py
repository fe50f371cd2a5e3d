"""A stop, freeze or resume that came as a signal, put in force as a row: once, however often it is tried. A person may
have said something else in the meantime, from the command line and with every worker down, and that stands: a resume
lifts what was in force as it came in to the engine, and nothing that was said while no worker heard it.
"""

from temporalio import activity

from activities.deps import Deps
from fleet.errors import Unreachable
from fleet.models.base import Moment
from fleet.models.ledger import Autostop
from fleet.models.messages import StopCommand
from fleet.models.stop import Stop, StopKind


async def heard_at(deps: Deps, signal: str) -> Moment | None:
    """When the last such signal came in to the workflow whose activity this is. Only a resume waits for an engine that
    does not tell: a stop counts from now on then.
    """
    info = activity.info()
    try:
        return await deps.engine.signalled(info.workflow_id or "", info.workflow_run_id or "", signal)
    except Unreachable:
        if signal == "resume":
            raise
        return None


async def put_in_force(deps: Deps, command: StopCommand, once: str) -> None:
    """Write it; `once` names this order, and none other, for all its attempts. A stop has the time at which it came in:
    a resume that waited behind it lifts it.
    """
    store, pool, said_at = deps.store, command.pool, await heard_at(deps, command.verb)
    if command.verb != "resume":
        kind, at = StopKind(command.verb), said_at or await deps.clock()
        said = {"actor": command.actor, "reason": command.reason, "at": at}
        await store.set_stop(Stop(kind=kind, cluster=command.cluster, pool=pool, **said), once=once)
        return
    who = (command.actor, command.reason)
    await store.lift_stop(command.cluster, pool, *who, await deps.clock(), once=once, said_at=said_at)
    if await store.claimed(f"{once}/autostops"):
        return
    await _resume_autostops(deps, command, said_at)
    await store.first_time(f"{once}/autostops", await deps.clock())


async def _resume_autostops(deps: Deps, command: StopCommand, said_at: Moment | None) -> None:
    facts, said = await deps.store.facts(command.cluster, await deps.clock()), (command.actor, command.reason)
    for pool, autostop in facts.autostops.items():
        later = said_at is not None and autostop.since is not None and autostop.since > said_at
        if autostop.stopped and command.pool in (None, pool) and not later:
            lifted = Autostop(reason="")
            await deps.store.set_autostop(command.cluster, pool, lifted, *said, await deps.clock())
    for pool in facts.breakers:
        if command.pool in (None, pool):
            await deps.store.close_breaker(command.cluster, pool, *said, await deps.clock())
