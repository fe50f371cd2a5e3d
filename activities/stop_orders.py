"""A stop, freeze or resume that came as a signal, put in force as a row: once, however often it is tried. A person may
have said something else in the meantime, from the command line and with every worker down, and that stands.
"""

from activities.deps import Deps
from fleet.models.ledger import Autostop
from fleet.models.messages import StopCommand
from fleet.models.stop import Stop, StopKind


async def put_in_force(deps: Deps, command: StopCommand, once: str) -> None:
    """Write it; `once` names this order, and none other, for all its attempts."""
    store, pool = deps.store, command.pool
    if command.verb != "resume":
        kind, at = StopKind(command.verb), await deps.clock()
        said = {"actor": command.actor, "reason": command.reason, "at": at}
        await store.set_stop(Stop(kind=kind, cluster=command.cluster, pool=pool, **said), once=once)
        return
    await store.lift_stop(command.cluster, pool, command.actor, command.reason, await deps.clock(), once=once)
    if await store.claimed(f"{once}/autostops"):
        return
    await _resume_autostops(deps, command)
    await store.first_time(f"{once}/autostops", await deps.clock())


async def _resume_autostops(deps: Deps, command: StopCommand) -> None:
    facts, said = await deps.store.facts(command.cluster, await deps.clock()), (command.actor, command.reason)
    for pool, autostop in facts.autostops.items():
        if autostop.stopped and command.pool in (None, pool):
            lifted = Autostop(reason="")
            await deps.store.set_autostop(command.cluster, pool, lifted, *said, await deps.clock())
    for pool in facts.breakers:
        if command.pool in (None, pool):
            await deps.store.close_breaker(command.cluster, pool, *said, await deps.clock())
