"""What is wrong with an operation before anything of it is written: its window, its class, its upgrades."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.catalogue_operation import CatalogueOperation, Disruption, Scope
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.operation import OperationSpec, OperationWork
from fleet.models.pool import Pool
from fleet.models.units import format_duration
from fleet.policy.limits import limits

_TAKEN = (Disruption.DRAINED, Disruption.DOWN)
_RECIPES = {
    "reboot-host": OperationWork.REBOOT,
    "power-cycle-host": OperationWork.POWER_CYCLE,
    "reimage-host": OperationWork.REIMAGE,
    "verify-host": OperationWork.VERIFY,
    "upgrade-host": OperationWork.UPGRADE,
}
"""Kinds that we do ourselves unless asked otherwise; for all others the hosts are held for an outsider."""


def takes_hosts(kind: CatalogueOperation) -> bool:
    """Whether no job may run on the scope meanwhile."""
    return kind.disruption in _TAKEN


def usual_work(kind: CatalogueOperation) -> OperationWork:
    """Who works where nothing else is said."""
    return _RECIPES.get(kind.name, OperationWork.HOLD)


def needed(spec: OperationSpec, pools: Iterable[Pool]) -> timedelta:
    """Time from the grant to the return of the last host: drain, work and verification, where hosts are taken."""
    if not spec.takes:
        return spec.duration
    around = (pool.drain.deadline + len(set(pool.verify)) * pool.verify_duration for pool in pools)
    return spec.duration + max(around, default=timedelta())


def check_operation(spec: OperationSpec, fleet: FleetFile, pools: Sequence[Pool], now: Moment) -> None:
    """Raise InvalidInput for what can't be done; `pools` are those of the scope's hosts."""
    for part in spec.scope:
        if fleet.cluster(part.cluster) is None:
            names = ", ".join(c.name for c in fleet.clusters)
            raise InvalidInput("scope", str(part), f"expected one of the clusters {names}")
    _check_window(spec, needed(spec, pools), now)
    for name in spec.clusters:
        cluster = fleet.cluster(name)
        assert cluster is not None, "checked above"
        if spec.work is OperationWork.REIMAGE and cluster.repair.reimage is None and _real(cluster):
            raise InvalidInput("work", "reimage", f"expected clusters.{name}.repair.reimage in the fleet file in force")
        for upgrade in spec.upgrades:
            component = cluster.stack.component(upgrade.component)
            if component is None or not cluster.stack.host_facing(component):
                raise InvalidInput("upgrade", upgrade.component, f"expected a host-facing component of {name}")


def check_scope_kind(kind: CatalogueOperation, spec: OperationSpec) -> None:
    """Refuse a recipe for hosts on a scope that is no set of hosts, such as a switch."""
    units = (Scope.SWITCH, Scope.POWER_FEED, Scope.COOLING_LOOP)
    wrong = next((part for part in spec.scope if part.kind in units), None)
    if wrong is not None and spec.work is not OperationWork.HOLD:
        told = f"expected hosts, a rack, an NVLink domain, a pool or a cluster for {kind.name} by {spec.work}"
        raise InvalidInput("scope", str(wrong), told)


def check_room(own: Sequence[str], facts: LedgerFacts) -> None:
    """Refuse what takes more hosts of a pool at once than it ever lets out by plan: it would wait for ever."""
    members = Counter(host.pool for host in facts.hosts.values() if not host.decommissioned)
    taken = Counter(facts.hosts[name].pool for name in own if name in facts.hosts)
    for pool in facts.pools:
        promised, wants = limits(pool, members[pool.name]), taken[pool.name]
        most = max(0, min(promised.planned_buffer, promised.members - promised.floor))
        if wants > most:
            told = f"{facts.cluster}: expected at most {most} hosts of pool {pool.name}, found {wants}: planned buffer "
            told += f"{promised.planned_buffer}, floor {promised.floor} of {promised.members}; it would wait for ever, "
            raise InvalidInput("SCOPE", "", f"{told}cut it into several")


def _check_window(spec: OperationSpec, takes: timedelta, now: Moment) -> None:
    if spec.latest is None:
        return
    begins = now if spec.earliest is None else max(now, spec.earliest)
    if spec.latest - begins < takes:
        left = max(spec.latest - begins, timedelta())
        whole = timedelta(seconds=int(left.total_seconds()))
        parts = "drain, work and verification take" if spec.takes else "the work takes"
        told = f"expected at least {format_duration(takes)} between earliest and latest, found {format_duration(whole)}"
        raise InvalidInput("latest", spec.latest.isoformat(), f"{told}: {parts} that long")


def _real(cluster: Cluster) -> bool:
    return cluster.drivers.hardware.kind != "simulated"
