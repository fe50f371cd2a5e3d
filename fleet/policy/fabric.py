"""With whom a host measures the fabric: hosts of its domain that are ready too, else an idle production host.

A borrowed production host is held by an ordinary short job of ours, in the scheduler's own books, and needs no lease.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from fleet.models.base import Decision, Moment
from fleet.models.drivers import VerifierDriver
from fleet.models.fabric import SlurmLauncher
from fleet.models.host import Host
from fleet.models.scheduler import ClusterView, NodeBase
from fleet.models.units import format_duration
from fleet.models.verifiers import ToolsVerifier

MOST_PARTNERS = 32
MOST_TRIED = 5
"""Idle hosts that are asked for one after another: a job may have come to any of them meanwhile."""
BORROWED_BESIDES = timedelta(minutes=2)
"""What is added for everything around the runs themselves."""
BORROWED_BARELY = timedelta(seconds=10)
"""What is added where nothing of ours is started on the hosts."""


class FabricAction(StrEnum):
    """What the fabric verification of a host does next."""

    RUN = "run"
    WAIT = "wait"
    BORROW = "borrow"
    INCONCLUSIVE = "inconclusive"


class Partners(Decision):
    """The answer, with the partners' names, sorted and without the host itself.

    `instead`: whom to borrow, one after another, when the one named can't be had.
    """

    action: FabricAction
    partners: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


class BorrowTerms(Decision):
    """Whether a production host may be a partner, and for how long it is held at the most."""

    limit: timedelta | None
    """None: not at all."""


def partners(
    host: str,
    ready: Mapping[str, Moment],
    planned: Collection[str],
    idle: Sequence[str],
    ready_since: Moment,
    now: Moment,
    fabric_wait: timedelta,
) -> Partners:
    """Choose the partners of a host that is ready since `ready_since`.

    `ready`: hosts of the domain that have ever become ready, and since when; `planned`: those whose lease is still
    planned work of this visit, for a host that has returned runs jobs and one that was handed over is unwell;
    `idle`: production hosts without a job.
    """
    others = sorted(name for name in ready if name != host and name in planned)
    coming = sorted(name for name in planned if name != host and name not in ready)
    waited = now - ready_since
    if coming and waited < fabric_wait:
        left = format_duration(fabric_wait - waited)
        return Partners(action=FabricAction.WAIT, reason=f"waits up to {left} for {len(coming)} host(s) of its domain")
    if others:
        late = f"; {len(coming)} host(s) are late" if coming else ""
        return Partners(
            action=FabricAction.RUN,
            partners=tuple(others[:MOST_PARTNERS]),
            reason=f"{len(others)} other host(s) of the domain are ready{late}",
        )
    free = sorted(name for name in set(idle) - {host, *coming})
    if free:
        return Partners(
            action=FabricAction.BORROW,
            partners=(free[0],),
            instead=tuple(free[1:MOST_TRIED]),
            reason=f"no other host of the domain is ready; {free[0]} is idle in production",
        )
    return Partners(
        action=FabricAction.INCONCLUSIVE, reason="no partner: no other host of the domain is ready, none is idle"
    )


def borrow_terms(host: str, verifier: VerifierDriver, expected: timedelta) -> BorrowTerms:
    """How long a partner of this host is held: as long as the runs over a pair may take, each its whole time limit.

    A verifier that names no time limits has twice the time that a verification is expected to take.
    """
    if not isinstance(verifier, ToolsVerifier):
        limit = 2 * expected + (BORROWED_BARELY if verifier.kind == "simulated" else BORROWED_BESIDES)
        return BorrowTerms(limit=limit, reason=f"a partner is held for {format_duration(limit)} at the most")
    providers = [provider for provider in verifier.fabric if provider.serves(host)]
    if any(isinstance(provider.launcher, SlurmLauncher) for provider in providers):
        return BorrowTerms(
            limit=None,
            reason="the launcher `slurm` measures drained hosts only, so no production host can be a partner",
        )
    limit = sum((provider.within for provider in providers), BORROWED_BESIDES)
    told = f"a partner is held for {format_duration(limit)} at the most: {len(providers)} run(s) with their time limits"
    return BorrowTerms(limit=limit, reason=told)


def idle_in_production(hosts: Iterable[Host], view: ClusterView) -> tuple[str, ...]:
    """Members without a job on which an ordinary job would start now, sorted. Leases are not looked at."""
    busy = {name for job in view.jobs.values() if job.holds for name in job.hosts}
    free = []
    for host in hosts:
        node = view.nodes.get(host.name)
        if node is None or host.decommissioned or host.name in busy or node.base is not NodeBase.IDLE:
            continue
        away = node.draining or node.completing or node.not_responding or node.rebooting or node.maintenance
        if node.powered and not away and node.reservation is None:
            free.append(host.name)
    return tuple(sorted(free))
