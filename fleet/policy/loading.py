"""May a fleet file replace the one in force? Not when it takes away pools or pins that work under way stands on."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from fleet.hostlist import compact, some
from fleet.ids import LARGE
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.ledger import Counted
from fleet.models.pin import OVER, PinState
from fleet.models.under_way import UnderWay

Found = tuple[str, str]
"""The place in the fleet file, and what was expected there."""
_Read = Mapping[str, Mapping[str, str]]
"""The versions that hosts were last read with, none of them empty."""


def hindrances(before: FleetFile, after: FleetFile, under_way: UnderWay) -> tuple[Found, ...]:
    """Why `after` can't follow `before` now; empty when it may."""
    found: list[Found] = []
    for cluster in before.clusters:
        then = after.cluster(cluster.name)
        found += _left(cluster.name, under_way) + _unlooked(cluster.name, after, under_way) if then is None else []
        for pool in cluster.pools:
            if then is None or then.pool(pool.name) is None:
                found += _dropped(cluster, pool.name, under_way)
                found += _needed(cluster.name, pool.name, under_way) if then is not None else []
        if then is not None and then.pins != cluster.pins:
            waits = _pins(cluster, under_way) + _switched(cluster, then, under_way)
            found += waits or _mixed(cluster, then, under_way)
    return tuple(found)


def _dropped(cluster: Cluster, pool: str, under_way: UnderWay) -> list[Found]:
    """A pool that goes, or goes by another name: its leases and visits would have no promises any more."""
    place = (cluster.name, pool)
    held = [x.host for p in (place, (cluster.name, "")) for x in under_way.leases.get(p, ())]
    what = [f"lease on {compact(held)}"] if held else []
    what += [visit.replace("/", " ", 1) for visit in under_way.visits.get(place, ())]
    if not what:
        return []
    wanted = f"expected the pool to stay while work is under way ({', '.join(what)}); stop its train, let visits end, "
    return [(f"clusters.{cluster.name}.pools.{pool}", f"{wanted}repair or decommission its hosts, then load")]


def _needed(cluster: str, pool: str, under_way: UnderWay) -> list[Found]:
    """A pool that goes while an emergency stands on it: no look would tell what it waits for there."""
    urgent = under_way.emergencies.get((cluster, pool), ())
    if not urgent:
        return []
    wanted = f"expected the pool to stay while emergencies with hosts there are not over ({some(urgent)}); "
    return [(f"clusters.{cluster}.pools.{pool}", f"{wanted}wait for their end, or {_ends(urgent[0])}, then load")]


def _ends(emergency: str) -> str:
    """The command that calls an emergency or a large-scale maintenance off."""
    name = emergency.rpartition("/")[2]
    return f"maintrain large abort {name} ..." if emergency.startswith(LARGE) else f"maintrain emergency end {name} ..."


def _left(cluster: str, under_way: UnderWay) -> list[Found]:
    """A cluster that goes: no worker would look after its operations and emergencies any more."""
    found: list[Found] = []
    ids = [op.id for op in under_way.operations if cluster in op.spec.clusters]
    if ids:
        wanted = f"expected the cluster to stay while operations on it are not over ({some(ids)}); "
        found.append((f"clusters.{cluster}", f"{wanted}maintrain op cancel {ids[0]} ..., then load"))
    its = (urgent for (name, _), urgent in under_way.emergencies.items() if name == cluster)
    urgent = list(dict.fromkeys(e for each in its for e in each))
    if urgent:
        wanted = f"expected the cluster to stay while emergencies there are not over ({some(urgent)}); "
        found.append((f"clusters.{cluster}", f"{wanted}wait for their end, or {_ends(urgent[0])}, then load"))
    return found


def _unlooked(cluster: str, after: FleetFile, under_way: UnderWay) -> list[Found]:
    """A cluster that goes whose workers look at rollouts of others as well: those would go on boarding there, and no
    gate or blame would stop them.
    """
    stay = {c.name for c in after.clusters}
    mine = (r for r in under_way.rollouts if r.spec.clusters[:1] == (cluster,))
    its = [r for r in mine if not stay.isdisjoint(r.spec.clusters)]
    if not its:
        return []
    told = some([r.id for r in its])
    wanted = f"expected the cluster to stay while rollouts that its workers look at are open elsewhere too ({told}); "
    ends = f"wait for their end, or maintrain rollout offboard {its[0].id} ..., then load"
    return [(f"clusters.{cluster}", wanted + ends)]


def _pins(cluster: Cluster, under_way: UnderWay) -> list[Found]:
    """Hosts that are out by plan boarded for the pins of their day; under others they could not return."""
    here = (x for (name, _), leases in under_way.leases.items() if name == cluster.name for x in leases)
    out = [lease.host for lease in here if lease.counted is Counted.PLANNED]
    if not out:
        return []
    wanted = f"expected the same pins while hosts are out by plan ({compact(out)}); stop the train, wait for them"
    return [(f"clusters.{cluster.name}.pins", f"{wanted}, then load")]


def _mixed(cluster: Cluster, then: Cluster, under_way: UnderWay) -> list[Found]:
    """Hosts that carry another version than a new pin says: from the load on, each repaired host would return with the
    new one among them. One that was never read is no proof of that, and keeps no pin from being told.
    """
    carried = under_way.carried.get(cluster.name, {})
    found: list[Found] = []
    for name, version in then.pins.items():
        old = cluster.pins.get(name)
        if old == version:
            continue
        hosts = {host: versions for host, versions in carried.items() if versions}  # one never read proves nothing
        wanted = _first(name, version, hosts) if old is None else _another(cluster.name, name, old, version, hosts)
        found += [(f"clusters.{cluster.name}.pins.{name}", wanted)] if wanted else []
    return found


def _another(cluster: str, name: str, old: str, version: str, hosts: _Read) -> str:
    """What is expected in place of a pin that follows another; empty when every host carries it."""
    off = sorted(host for host, versions in hosts.items() if versions.get(name) != version)
    if not off:
        return ""
    told = Counter(hosts[host].get(name, "no known version") for host in off).most_common(1)[0][0]
    wanted = f"expected {old} as long as {len(off)} hosts ({some(off)}) were last read with {told}; "
    return f"{wanted}to change it everywhere at once: maintrain pin switch {cluster} {name} {version} ..."


def _first(name: str, version: str, hosts: _Read) -> str:
    """What is expected in place of a first pin; empty when no host is known to carry another version."""
    by: dict[str, list[str]] = defaultdict(list)
    for host, versions in sorted(hosts.items()):
        if name in versions:  # what was not pinned yet may be what nobody read yet
            by[versions[name]].append(host)
    if not by.keys() - {version}:
        return ""
    if len(by) == 1:
        ((carried, every),) = by.items()
        told = f"all of {len(every)} hosts ({some(every)}) were last read"
        return f"expected {carried}, with which {told}; then switch it to {version}"
    told = ", ".join(f"{len(those)} hosts ({some(those)}) with {v}" for v, those in sorted(by.items()))
    wanted = f"expected one version on every host, for a first pin says what all carry; found {told}. "
    return f"{wanted}Bring them to one and have them read (maintrain compat adopt), or take the others out of service"


def _switched(cluster: Cluster, then: Cluster, under_way: UnderWay) -> list[Found]:
    """A pin switch is under way, or was, and the file says otherwise: a load would leave every host off its pin."""
    switches = [s for s in under_way.switches if s.spec.cluster == cluster.name]
    # One that went back has settled the pin, though hosts are late for it: what they carry is looked at like all.
    settled = (*OVER, PinState.LATE)
    open_ = next((s for s in switches if s.state not in settled and s.committed_at is None), None)
    if open_ is not None:
        wanted = f"expected the same pins while {open_.id} is under way ({open_.name}, by {open_.started_by}); "
        return [(f"clusters.{cluster.name}.pins", f"{wanted}wait for its end, or maintrain pin abort {open_.id}")]
    found: list[Found] = []
    for name, pinned in cluster.pins.items():
        last = next((s for s in switches if s.spec.component == name and s.committed_at is not None), None)
        if last is not None and last.spec.version == pinned and then.pins.get(name) == last.prior:
            when = f"{last.committed_at:%Y-%m-%d %H:%M:%S}Z" if last.committed_at else ""
            wanted = (
                f"expected {pinned}, which {last.id} (by {last.started_by}) put in force at {when}; the file still "
            )
            back = f"says {last.prior}. To go back: maintrain pin switch {cluster.name} {name} {last.prior} ..."
            found.append((f"clusters.{cluster.name}.pins.{name}", wanted + back))
    return found
