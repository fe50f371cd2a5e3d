"""What an operation would take and wait for, were it submitted now: the dry run, and the check of every submission."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fleet import ids
from fleet.errors import InvalidInput
from fleet.hostlist import compact
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.operation import Operation, OperationSpec
from fleet.models.pool import Pool
from fleet.models.scope import ScopeHosts
from fleet.models.units import format_duration
from fleet.policy.explaining import Explanation, explain, explanation_lines
from fleet.policy.operation_checks import check_operation, check_room, needed
from fleet.policy.operation_hosts import OperationHosts, request_for, split
from fleet.policy.scopes import resolve
from fleet.ports.store import Store
from starter.session import in_force
from starter.show import dump
from starter.wording import near

MOST_TAKEN = 500
"""Hosts that one operation takes out: as many as the largest maintenance domain has, for the same reason."""


@dataclass(frozen=True)
class ClusterPlan:
    """An operation in one of its clusters."""

    hosts: OperationHosts
    indirect: dict[str, str]
    """Hosts that the scope does not name, and why they lose capacity too."""
    jobs: tuple[str, ...]
    """Jobs that run on hosts it would take."""
    waits: Explanation | None
    """What it would wait for; None when there is nobody whom it could work on."""


@dataclass(frozen=True)
class Plan:
    """What an operation would take, were it submitted now."""

    spec: OperationSpec
    needed: timedelta
    """From the grant to the return of the last host."""
    clusters: dict[str, ClusterPlan]


async def make_plan(store: Store, spec: OperationSpec) -> Plan:
    """Check an operation against the fleet as it is. Raises InvalidInput for what can't be done."""
    fleet, now = (await in_force(store)).fleet, await store.clock()
    _check_clusters(spec, fleet)
    found: list[tuple[Cluster, LedgerFacts, ScopeHosts]] = []
    for name in spec.clusters:
        cluster, known = fleet.cluster(name), await store.facts(name, now)
        assert cluster is not None, "checked above"
        found.append((cluster, known, resolve(spec.scope, cluster, known.hosts)))
    pools = [pool for cluster, known, scope in found for pool in _touched(cluster, known, scope)]
    check_operation(spec, fleet, pools, now)
    takes = needed(spec, pools)
    clusters = {cluster.name: _in_cluster(spec, takes, known, scope, now) for cluster, known, scope in found}
    taken = sum(len(its.hosts.own) for its in clusters.values()) if spec.takes else 0
    for _, known, _ in found if spec.takes else ():
        check_room(clusters[known.cluster].hosts.own, known)
    if taken > MOST_TAKEN:
        told = f"expected at most {MOST_TAKEN} hosts to take out at once, found {taken}: cut it into several"
        raise InvalidInput("SCOPE", "", told)
    return Plan(spec, takes, clusters)


def _in_cluster(
    spec: OperationSpec, takes: timedelta, known: LedgerFacts, scope: ScopeHosts, now: Moment
) -> ClusterPlan:
    draft = Operation(id=ids.op(0), number=0, spec=spec, submitted_at=now, changed_at=now)
    hosts = split(draft.id, spec, scope.hosts, known)
    seen = known.observation.hosts if known.observation is not None else {}
    jobs = tuple(sorted({job for h in hosts.own if h in seen for job in seen[h].jobs}))
    request = request_for(draft, known.cluster, scope.hosts, hosts, takes.total_seconds())
    if request is None:
        return ClusterPlan(hosts, dict(scope.indirect), jobs, None)
    with_it = known.model_copy(update={"requests": (*known.requests, request)})
    return ClusterPlan(hosts, dict(scope.indirect), jobs, explain(with_it, request))


def _touched(cluster: Cluster, known: LedgerFacts, scope: ScopeHosts) -> list[Pool]:
    names = {known.hosts[host].pool for host in scope.hosts}
    return [pool for pool in cluster.pools if pool.name in names]


def _check_clusters(spec: OperationSpec, fleet: FleetFile) -> None:
    names = [c.name for c in fleet.clusters]
    for part in spec.scope:
        if part.cluster not in names:
            told = f"expected one of the clusters {', '.join(names)}, found {part.cluster!r}{near(part.cluster, names)}"
            raise InvalidInput("SCOPE", "", told)


def plain(plan: Plan) -> dict[str, Any]:
    """A plan as plain values, for `--json`."""
    return {
        "spec": dump(plan.spec),
        "needed": format_duration(plan.needed),
        "clusters": {
            name: {
                **dump(its.hosts),
                "indirect": its.indirect,
                "jobs": its.jobs,
                "waits": dump(its.waits) if its.waits is not None else None,
            }
            for name, its in plan.clusters.items()
        },
    }


def plan_lines(plan: Plan) -> list[str]:
    """A plan for people."""
    lines = [f"{plan.spec.kind}, {plan.spec.work}: takes {format_duration(plan.needed)} from its grant"]
    for name, its in plan.clusters.items():
        lines.append(f"{name}: {its.hosts.reason}")
        if its.hosts.own:
            lines.append(f"  takes {compact(its.hosts.own)}")
        others = (("depends", its.indirect), ("parks", its.hosts.co_affected), ("left out", its.hosts.left_out))
        for words, several in others:
            lines += [f"  {words}: {host}: {why}" for host, why in several.items()]
        if its.jobs:
            lines.append(f"  jobs that run there now: {', '.join(its.jobs)}")
        if its.waits is None:
            lines.append("  nothing to do: no host of its scope can be worked on")
        elif its.waits.kind is None:
            lines.append("  it could begin at once")
        else:
            lines += [f"  {line}" for line in ("would wait:", *explanation_lines(its.waits)[:-1])]
    return lines
