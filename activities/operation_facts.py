"""What an operation's look reads: its scope as of now, its requests, its hosts, and who of the others has parked."""

from datetime import timedelta

from activities.deps import Deps
from activities.holding import FENCE_LIFE
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Request
from fleet.models.operation import Operation, OperationState
from fleet.models.pool import Pool
from fleet.models.work import Outcome
from fleet.policy.operation_checks import needed
from fleet.policy.operation_hosts import request_for, split
from fleet.policy.operation_progress import OperationFacts
from fleet.policy.parking import not_parked
from fleet.policy.scopes import resolve
from fleet.policy.sets import places

_MOST_OUTCOMES = 100_000
_ACTIVE = (OperationState.PREPARING, OperationState.WORKING, OperationState.CLOSING)


async def operation_facts(deps: Deps, op: Operation) -> OperationFacts:
    """Everything that decides what an operation does next."""
    held = frozenset(f"{x.cluster}/{x.host}" for x in await deps.store.leases(op.id)) if op.state in _ACTIVE else ()
    return OperationFacts(
        op=op,
        now=await deps.clock(),
        needed=needed(op.spec, await _pools(deps, op)),
        requests=await deps.store.operation_requests(op.id),
        held=frozenset(held),
        ready=await _ready(deps, op) if op.spec.parks and held else frozenset(),
        ended=await _ended(deps, op) if op.state in _ACTIVE else {},
        not_parked=await _not_parked(deps, op) if op.state is OperationState.PREPARING and op.spec.parks else {},
    )


async def _pools(deps: Deps, op: Operation) -> list[Pool]:
    """Pools that its hosts may be in: of whole clusters, since that only lengthens what is expected."""
    return [pool for name in op.spec.clusters for pool in (await deps.cluster(name)).pools]


async def _ended(deps: Deps, op: Operation) -> dict[str, tuple[Outcome, str]]:
    found: dict[str, tuple[Outcome, str]] = {}
    for cluster in op.spec.clusters:
        for row in await deps.store.outcomes(cluster, visit=op.id, limit=_MOST_OUTCOMES):
            found[f"{cluster}/{row.host}"] = row.outcome, row.reason
    return found


async def _ready(deps: Deps, op: Operation) -> frozenset[str]:
    """Hosts in the hold, as `cluster/host`."""
    only = op.spec.clusters[0] if len(op.spec.clusters) == 1 else None
    found = set()
    for operation in await deps.store.held_for_outsider(op.id):
        share, _, host = operation.partition("#")
        found.add(f"{only or share.removeprefix(f'{op.id}/')}/{host}")
    return frozenset(found)


async def _not_parked(deps: Deps, op: Operation) -> dict[str, str]:
    """Hosts of the scope that the operation did not take and that are not left alone yet, and why."""
    hosts = [h for h in await deps.store.operation_hosts(op.id) if h.parks]
    found: dict[str, str] = {}
    for cluster in sorted({h.cluster for h in hosts}):
        facts = await deps.store.facts(cluster, await deps.clock(), queue=False)
        others = {h.host: h.since for h in hosts if h.cluster == cluster and not _own(op, facts, h.host)}
        effects = await deps.store.open_effects(cluster, others)
        where, life = places(facts), timedelta(seconds=FENCE_LIFE)
        for host, since in others.items():
            lease, effect = facts.leases.get(host), effects.get(host)
            why = not_parked(where.get(host), lease, effect, since, facts.now, life)
            if why:
                found[f"{cluster}/{host}"] = why
    return found


def _own(op: Operation, facts: LedgerFacts, host: str) -> bool:
    lease = facts.leases.get(host)
    return lease is not None and lease.holder == op.id


async def requests_of(deps: Deps, op: Operation) -> tuple[tuple[Request, ...], dict[str, str]]:
    """The lease requests of an operation as the fleet stands now, one for each cluster, and the hosts it leaves out.
    No request when there is nobody whom it could work on. Raises InvalidInput when its scope is not there any more.
    """
    requests, left_out = [], {}
    seconds = needed(op.spec, await _pools(deps, op)).total_seconds()
    for name in op.spec.clusters:
        cluster, facts = await deps.cluster(name), await deps.store.facts(name, await deps.clock(), queue=False)
        scope = resolve(op.spec.scope, cluster, facts.hosts).hosts
        hosts = split(op.id, op.spec, scope, facts)
        left_out.update({f"{name}/{host}": why for host, why in hosts.left_out.items()})
        request = request_for(op, name, scope, hosts, seconds)
        if request is not None:
            requests.append(request)
    return tuple(requests), left_out
