"""What keeps hosts that are out for other reasons from mixing pins while a switch decides which is in force."""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.acting import Acting
from activities.deps import Deps
from activities.recording import ASK_AGAIN
from fleet.errors import StepFailed, Unreachable
from fleet.models.footing import Footing
from fleet.models.pin import UNSETTLED, PinSwitch
from fleet.ports.fence import Fence


async def unsettled_pin(deps: Deps, cluster: str, operation: str) -> PinSwitch | None:
    """The switch that has yet to decide the cluster's pin, unless the operation is its own."""
    last = await deps.store.last_pin_switch(cluster)
    own = last is not None and operation.startswith(f"{last.id}#")
    return last if last is not None and last.state in UNSETTLED and not own else None


def waits_for(switch: PinSwitch) -> str:
    """Why a host waits, in words."""
    return f"{switch.id} ({switch.name}) is {switch.state}: no host returns before it is told which pin is in force"


async def unless_unsettled(deps: Deps, cluster: str, operation: str) -> None:
    """Hold whatever plans for the pins in force while a switch has yet to tell them: it is asked again soon."""
    switch = await unsettled_pin(deps, cluster, operation)
    if switch is not None:
        raise ApplicationError(
            waits_for(switch), type="Frozen", next_retry_delay=ASK_AGAIN, category=ApplicationErrorCategory.BENIGN
        )


def unless_off_pin(acting: Acting, footing: Footing, fence: Fence) -> Fence:
    """The fence of a return, which also refuses while a pin is unsettled, and a host that carries another than the one
    that was put in force while it was out.
    """

    async def check() -> None:
        await fence()
        order, store = acting.order, acting.deps.store
        last = await store.last_pin_switch(order.cluster)
        if last is None or order.operation.startswith(f"{last.id}#"):
            return
        if last.state in UNSETTLED:
            raise Unreachable(waits_for(last))
        for switch in await _committed_since(acting.deps, last, footing):
            seen = (await store.observed_versions(order.cluster, order.host)).get(order.host)
            found = seen.versions.get(switch.spec.component) if seen is not None else None
            if found != switch.spec.version:
                told = found or "no known version"
                raise StepFailed(
                    f"{order.host} carries {switch.spec.component} {told}: {switch.name} came into force meanwhile"
                )

    return check


async def _committed_since(deps: Deps, last: PinSwitch, footing: Footing) -> list[PinSwitch]:
    """Switches whose pins were put in force since a host was leased, the newest of each component. `last`: the newest
    of its cluster, which began after all others were committed.
    """
    since = footing.lease.since if footing.lease is not None else None
    every = (last,) if since is None or last.started_at < since else await deps.store.pin_switches(last.spec.cluster)
    newest: dict[str, PinSwitch] = {}
    for switch in every:
        if switch.committed_at is not None and (since is None or switch.committed_at >= since):
            newest.setdefault(switch.spec.component, switch)
    return list(newest.values())
