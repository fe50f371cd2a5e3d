"""`maintrain fleet publish`: the installed versions of hosts in production as node features, where they are missing or
old: before the first visits, and after a scheduler has lost them.
"""

import asyncio
import time

from fleet.errors import DriverError, Refused
from fleet.hostlist import compact
from fleet.models.audit import AuditEntry
from fleet.models.fleetfile import Cluster
from fleet.models.messages import Command
from fleet.policy.features import merged, published
from fleet.ports.fence import open_fence
from fleet.ports.scheduler import Scheduler
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.inventory import AT_ONCE, read_versions
from starter.options import Actor, DryRun, MaybeCluster, Reason, command
from starter.production import in_production
from starter.session import facts, find_cluster, hands, in_force, now
from starter.show import say


def publish(cluster: MaybeCluster = None, *, reason: Reason, actor: Actor = None, dry_run: DryRun = False) -> None:
    """Show the versions that hosts in production carry, read from them now, as node features of their scheduler."""
    run(_publish(cluster, command(actor, reason), dry_run))


async def _publish(wanted: str | None, asked: Command, dry_run: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        cluster = find_cluster(fleet, wanted)
        if not cluster.publish_versions:
            raise Refused(
                f"{cluster.name} publishes no versions: name components in publish_versions of its fleet file"
            )
        up = list(await in_production(store, fleet, cluster))
        async with hands(cluster, store) as reach:
            observed, silent = await read_versions(reach.hardware, up)
            due = await _due(cluster, reach.scheduler, observed)
            say(f"{len(observed)} hosts in production read, {len(silent)} did not answer")
            for features, hosts in _alike(due).items():
                say(f"  {compact(hosts)} ({len(hosts)}): {', '.join(features) or 'no feature of ours'}")
            if dry_run:
                say("nothing was changed")
                return
            for name, versions in observed.items():
                await store.record_versions(cluster.name, name, versions, now())
            failed = await _write(reach.scheduler, due)
        await _tell(store, cluster, asked, len(due) - len(failed))
        for host, why in failed.items():
            say(f"  {host}: {why}")
        say(f"{len(due) - len(failed)} hosts changed, {len(observed) - len(due)} showed it already")
        if failed:
            raise Refused(f"the features of {len(failed)} hosts could not be written")


async def _due(
    cluster: Cluster, scheduler: Scheduler, observed: dict[str, dict[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Our features by host whose scheduler shows others. A host that the scheduler does not list is left out."""
    nodes = (await scheduler.view(time.monotonic())).nodes
    ours = {host: published(cluster, versions) for host, versions in observed.items() if host in nodes}
    return {host: each for host, each in ours.items() if merged(nodes[host].features, each) != nodes[host].features}


def _alike(due: dict[str, tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for host, features in due.items():
        groups.setdefault(features, []).append(host)
    return groups


async def _write(scheduler: Scheduler, due: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Write them, a few hosts at a time; why by host that it failed on.

    Without a lease: a host that a visit takes meanwhile publishes again before it returns.
    """
    places, failed = asyncio.Semaphore(AT_ONCE), dict[str, str]()

    async def one(host: str) -> None:
        async with places:
            try:
                await scheduler.publish_features(host, due[host], open_fence)
            except DriverError as error:
                failed[host] = str(error)

    await asyncio.gather(*(one(host) for host in due))
    return failed


async def _tell(store: Store, cluster: Cluster, asked: Command, changed: int) -> None:
    subject, detail = f"cluster {cluster.name}", f"versions of {changed} hosts as node features"
    await store.audit(
        AuditEntry(
            at=now(), actor=asked.actor, action="fleet publish", subject=subject, reason=asked.reason, detail=detail
        )
    )
