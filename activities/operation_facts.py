"""What an operation's look reads: its scope as of now, its requests, its hosts, and who of the others has parked."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from activities.deps import Deps
from activities.holding import FENCE_LIFE
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import LeaseHost, Request
from fleet.models.operation import Operation, OperationState
from fleet.models.pool import Pool
from fleet.models.work import Outcome
from fleet.policy.operation_checks import needed
from fleet.policy.operation_hosts import request_for, split
from fleet.policy.operation_progress import OperationFacts
from fleet.policy.parking import as_told, boot_due, drained_for, not_parked, returned
from fleet.policy.scopes import resolve
from fleet.policy.sets import places

_ACTIVE = (OperationState.PREPARING, OperationState.WORKING, OperationState.CLOSING)


async def operation_facts(deps: Deps, op: Operation) -> OperationFacts:
    """Everything that decides what an operation does next."""
    held = frozenset(f"{x.cluster}/{x.host}" for x in await deps.store.leases(op.id)) if op.state in _ACTIVE else ()
    prepares = op.state is OperationState.PREPARING and op.spec.parks
    not_parked, back = await _not_parked(deps, op) if prepares else ({}, frozenset[str]())
    return OperationFacts(
        op=op,
        now=await deps.clock(),
        needed=needed(op.spec, await _pools(deps, op)),
        requests=await deps.store.operation_requests(op.id),
        held=frozenset(held),
        ready=await _ready(deps, op) if op.spec.parks and held else frozenset(),
        ended=await _ended(deps, op) if op.state in _ACTIVE else {},
        not_parked=not_parked,
        returned=back,
    )


async def _pools(deps: Deps, op: Operation) -> list[Pool]:
    """Pools that its hosts may be in: of whole clusters, since that only lengthens what is expected. A cluster that is
    in the fleet file no more has none, so that what is left of its operations can still be called off.
    """
    record = await deps.store.fleet()
    known = [cluster for name in op.spec.clusters if record and (cluster := record.fleet.cluster(name)) is not None]
    return [pool for cluster in known for pool in cluster.pools]


async def _ended(deps: Deps, op: Operation) -> dict[str, tuple[Outcome, str]]:
    found: dict[str, tuple[Outcome, str]] = {}
    for cluster in op.spec.clusters:
        for row in await deps.store.outcomes(cluster, visit=op.id):
            found[f"{cluster}/{row.host}"] = row.outcome, row.reason
    return found


async def _ready(deps: Deps, op: Operation) -> frozenset[str]:
    """Hosts in the hold, as `cluster/host`. Before the work begins only those that the last look shows under our drain
    and without a job: somebody may have undrained one since.
    """
    only = op.spec.clusters[0] if len(op.spec.clusters) == 1 else None
    found = set()
    for operation in await deps.store.held_for_outsider(op.id):
        share, _, host = operation.partition("#")
        found.add(f"{only or share.removeprefix(f'{op.id}/')}/{host}")
    if op.state is OperationState.PREPARING:
        for cluster in op.spec.clusters:
            facts = as_told(await deps.store.facts(cluster, await deps.clock(), queue=False))
            found -= {f"{cluster}/{lease.host}" for lease in facts.leases.values() if not drained_for(lease, facts)}
    return frozenset(found)


async def _not_parked(deps: Deps, op: Operation) -> tuple[dict[str, str], frozenset[str]]:
    """Hosts of the scope that the operation did not take and that are not left alone yet, and why; and those of them
    that are in production again.
    """
    hosts = [h for h in await deps.store.operation_hosts(op.id) if h.parks]
    found: dict[str, str] = {}
    back: set[str] = set()
    for cluster in sorted({h.cluster for h in hosts}):
        facts = as_told(await deps.store.facts(cluster, await deps.clock(), queue=False))
        others = {h.host: h.since for h in hosts if h.cluster == cluster and not _own(op, facts, h.host)}
        effects = await deps.store.open_effects(cluster, others)
        members, life = places(facts), timedelta(seconds=FENCE_LIFE)
        for host, since in others.items():
            if host not in members:
                continue
            effect = effects.get(host) or await _boot_due(deps, cluster, facts.leases.get(host))
            why = not_parked(host, facts.observation, effect, since, facts.now, life)
            if why:
                found[f"{cluster}/{host}"] = why
            if returned(members[host], facts.observation, since, life):
                back.add(f"{cluster}/{host}")
    return found, frozenset(back)


async def _boot_due(deps: Deps, cluster: str, lease: LeaseHost | None) -> str | None:
    """What must follow a step that the host's holder has done, of its last walk."""
    rows = await deps.store.tried(lease.operation) if lease is not None else ()
    if lease is None or not rows:
        return None
    record = rows[-1].operation
    work = await deps.store.work(lease.operation) if record == lease.operation else None
    boots = {c.name for c in (await deps.cluster(cluster)).stack.components if c.reboot}
    return boot_due(work.steps if work is not None else (), [r for r in rows if r.operation == record], boots)


def _own(op: Operation, facts: LedgerFacts, host: str) -> bool:
    lease = facts.leases.get(host)
    return lease is not None and lease.holder == op.id


async def requests_of(deps: Deps, op: Operation) -> tuple[tuple[Request, ...], dict[str, str]]:
    """The lease requests of an operation as the fleet stands now, one for each cluster, and the hosts it leaves out.
    No request when there is nobody whom it could work on. Raises InvalidInput when its scope is not there any more.
    """
    requests: list[Request] = []
    left_out: dict[str, str] = {}
    seconds = needed(op.spec, await _pools(deps, op)).total_seconds()
    for name in op.spec.clusters:
        cluster, facts = await deps.cluster(name), await deps.store.facts(name, await deps.clock(), queue=False)
        scope = resolve(op.spec.scope, cluster, facts.hosts).hosts
        hosts = split(op.id, op.spec, scope, facts)
        left_out.update({f"{name}/{host}": why for host, why in hosts.left_out.items()})
        request = request_for(op, name, scope, hosts, seconds)
        if request is not None:
            requests.append(request)
    return tuple(among(requests)), left_out


def among(requests: Sequence[Request]) -> Iterator[Request]:
    """Requests that are granted together: in a cluster where nobody is to be worked on there is nothing to wait for."""
    clusters = tuple(request.cluster for request in requests)
    for request in requests:
        part = request.part
        yield request.model_copy(update={"part": part and part.model_copy(update={"clusters": clusters})})
