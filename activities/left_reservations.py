"""Reservations of ours that outlived their makers: a measurement's is ended, a pin switch's is for a person to end."""

import time
from collections.abc import Mapping

from temporalio import activity

from activities import pages
from activities.deps import Deps
from fleet import ids
from fleet.errors import DriverError, StaleAttempt
from fleet.models.facts import LedgerFacts
from fleet.models.scheduler import Node
from fleet.policy.left_reservations import closed_by_nobody, closed_by_pins, measured_in, needed
from fleet.ports.fence import Fence


async def end_left_reservations(deps: Deps, facts: LedgerFacts) -> None:
    """End what measurements left behind, in which their hosts can't return; and page what pin switches did: to end that
    lets jobs start on hosts that may carry another pin, which no look at the scheduler can tell.
    """
    for name, hosts in measured_in(facts).items():
        seen = facts.observation.hosts if facts.observation is not None else {}
        if not await _needed(deps, facts, hosts, {h: found.node for h, found in seen.items()}):
            await _end(deps, facts.cluster, name, hosts)
    switches = await deps.store.pin_switches(facts.cluster) if closed_by_pins(facts) else ()
    for name, hosts in closed_by_nobody(facts, switches).items():
        await deps.page(pages.left_closed(facts.cluster, name, hosts))


async def _end(deps: Deps, cluster: str, name: str, hosts: tuple[str, ...]) -> None:
    short = name.removeprefix(ids.RESERVATION_PREFIX)
    try:
        await deps.reach(cluster).scheduler.open_to_jobs(short, _unmeasured(deps, cluster, hosts))
    except StaleAttempt as taken:
        activity.logger.info(f"reservation {name} of {cluster} stays: {taken}")
    except DriverError as error:
        activity.logger.warning(f"reservation {name} of {cluster}, left by a measurement, can't be ended now: {error}")
        await deps.page(pages.left_measured(cluster, name, hosts, error))
    else:
        activity.logger.warning(f"reservation {name} of {cluster}, left by a measurement, is ended")


def _unmeasured(deps: Deps, cluster: str, hosts: tuple[str, ...]) -> Fence:
    """Between its reservation and its undrain a measurement has nothing else that keeps jobs off: while none of the
    hosts is on its way to one, none stands there, and to get one on its way takes far longer than a fence lives.
    Whatever a measurement left undrained is drained by its host's next step, and waited for here.
    """

    async def check() -> None:
        view = await deps.reach(cluster).scheduler.view(not_before=time.monotonic())
        host = await _needed(deps, await deps.store.facts(cluster, await deps.clock()), hosts, view.nodes)
        if host:
            raise StaleAttempt(f"{host} may be measured, or is not drained")

    return check


async def _needed(deps: Deps, facts: LedgerFacts, hosts: tuple[str, ...], nodes: Mapping[str, Node | None]) -> str:
    """The first of these hosts for which the reservation may be needed; empty for none."""
    for host in hosts:
        lease = facts.leases.get(host)
        records = await deps.store.steps(lease.operation) if lease is not None else ()
        if needed(lease, records[-1] if records else None, nodes.get(host)):
            return host
    return ""
