"""The dry run of an emergency: its hosts by domain, what boards, how many at once, who yields, and trains at risk."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fleet.hostlist import compact
from fleet.models.base import Fact
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState, EmergencyState, Urgent
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.models.rollouts import WantedSet
from fleet.models.work import BoardAction
from fleet.policy.boarding import board
from fleet.policy.emergency_plan import emergency_step
from fleet.policy.emergency_wish import as_wanted
from fleet.policy.limits import limits, overridden
from fleet.policy.next_stop import next_stop
from fleet.ports.store import Store
from starter.show import table


class PlannedPool(Fact):
    """What an emergency does in one pool."""

    pool: str
    hosts: int
    domains: int
    at_once: int
    """Hosts that may be out by plan, with what the override names."""
    floor: int


class PlannedEmergency(Fact):
    """What an emergency would do."""

    emergency: str
    pools: tuple[PlannedPool, ...]
    boards: dict[str, int]
    """What would be done: on how many hosts, by their versions as last read."""
    stays: dict[str, tuple[str, ...]]
    """Why hosts get nothing: those hosts."""
    left_out: dict[str, str]
    """Hosts that are not asked for."""
    yields: dict[str, str]
    at_risk: tuple[str, ...] = ()
    """Trains whose cycle would end late."""


async def plan_of(
    store: Store, cluster: Cluster, emergency: Emergency, hosts: Sequence[EmergencyHost]
) -> PlannedEmergency:
    """Plan from the facts; writes nothing."""
    ledger = await store.facts(cluster.name, await store.clock())
    entries, versions = await store.matrix(cluster.name), await store.versions(cluster.name)
    boards, stays = boarding_of(cluster, emergency, hosts, entries, versions)
    begun = emergency.model_copy(update={"state": EmergencyState.RUNNING})
    step = emergency_step(begun, hosts, ledger)
    left_out = {h.host: h.reason for h in hosts if h.state is EmergencyHostState.LEFT_OUT}
    return PlannedEmergency(
        emergency=emergency.id,
        pools=_pools(cluster, emergency, hosts, ledger),
        boards=boards,
        stays=stays,
        left_out={**left_out, **step.left_out},
        yields=step.yields,
        at_risk=await _at_risk(store, cluster, emergency, hosts),
    )


def plan_lines(plan: PlannedEmergency) -> list[str]:
    """The plan for people."""
    rows = [(p.pool, p.hosts, p.domains, p.at_once, p.floor) for p in plan.pools]
    lines = [plan.emergency, "", table(("pool", "hosts", "domains", "out at once", "floor"), rows)]
    lines += [f"{what}: {count} hosts" for what, count in plan.boards.items()]
    lines += [f"nothing for {len(names)} hosts ({compact(names)}): {why}" for why, names in plan.stays.items()]
    lines += [f"left out: {host}: {why}" for host, why in plan.left_out.items()]
    lines += [f"yields: {holder}" for holder in plan.yields]
    return lines + [f"at risk: {train}" for train in plan.at_risk]


def boarding_of(
    cluster: Cluster,
    emergency: Emergency,
    hosts: Sequence[EmergencyHost],
    entries: Sequence[MatrixEntry],
    versions: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """What boards, and who gets nothing and why, by the versions last read."""
    wish = WantedSet(
        wanted=tuple(
            as_wanted(Urgent(emergency=emergency.id, component=c, version=v, since=emergency.started_at))
            for c, v in emergency.targets.items()
        ),
        reason=emergency.id,
    )
    known: dict[tuple[str, frozenset[tuple[str, str]]], tuple[bool, str]] = {}
    boards: Counter[str] = Counter()
    stays: dict[str, list[str]] = {}
    for host in hosts:
        if host.state is EmergencyHostState.LEFT_OUT:
            continue
        observed = versions.get(host.host)
        if observed is None:
            boards["not read yet, which the stop does"] += 1
            continue
        key = (host.pool, frozenset(observed.items()))
        if key not in known:
            pool = cluster.pool(host.pool)
            assert pool is not None, "its hosts are those of the cluster's pools"
            bent = pool.model_copy(update={"visit_budget": emergency.spec.budget or pool.visit_budget})
            found = board(cluster, bent, observed, entries, wish)
            upgrades = ", ".join(f"{s.upgrade.component} {s.upgrade.version}" for s in found.steps if s.upgrade)
            left = "; ".join(f"{c}: {why}" for c, why in found.deferred.items() if c in emergency.targets)
            upgrades += f"; another stop: {left}" if upgrades and left else ""
            known[key] = (found.action is BoardAction.VISIT, upgrades or found.reason)
        goes, what = known[key]
        if goes:
            boards[what] += 1
        else:
            stays.setdefault(what, []).append(host.host)
    return dict(boards), {why: tuple(names) for why, names in stays.items()}


def _pools(
    cluster: Cluster, emergency: Emergency, hosts: Sequence[EmergencyHost], ledger: LedgerFacts
) -> tuple[PlannedPool, ...]:
    found = []
    for pool in cluster.pools:
        its = [h for h in hosts if h.pool == pool.name and h.state is not EmergencyHostState.LEFT_OUT]
        if its:
            members = sum(h.pool == pool.name and not h.decommissioned for h in ledger.hosts.values())
            held_to = limits(pool, members)
            if emergency.override is not None:
                held_to = overridden(held_to, emergency.override, pool.name)
            domains = len({h.domain for h in its})
            found.append(
                PlannedPool(
                    pool=pool.name,
                    hosts=len(its),
                    domains=domains,
                    at_once=held_to.planned_buffer,
                    floor=held_to.floor,
                )
            )
    return tuple(found)


async def _at_risk(
    store: Store, cluster: Cluster, emergency: Emergency, hosts: Sequence[EmergencyHost]
) -> tuple[str, ...]:
    """Trains whose open cycle would not end by its due date, with the emergency before it."""
    found = []
    for pool in dict.fromkeys(h.pool for h in hosts):
        facts = await store.train_facts(cluster.name, pool, await store.clock())
        if facts is None:
            continue
        domains = len({h.domain for h in hosts if h.pool == pool and h.state is EmergencyHostState.PENDING})
        held = facts.held_seconds + -(-domains // emergency.spec.width) * facts.visit_seconds
        ahead = facts.model_copy(update={"held_by": emergency.id, "held_seconds": held})
        risk = next_stop(ahead).at_risk
        if risk:
            found.append(f"{cluster.name}/{pool}: {risk}")
    return tuple(found)
