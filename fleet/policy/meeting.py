"""Which domains a joint visit may take, as the trains, the ledger and the aligned rollout stand."""

from collections.abc import Collection, Iterable, Mapping

from fleet.models.facts import LedgerFacts, TrainFacts
from fleet.models.host import Host
from fleet.models.joint import Joining, Place, Stopover
from fleet.models.pool import Grouping
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import HostKey, Rollout, RolloutState
from fleet.models.train import DomainProgress, DomainState
from fleet.policy.cohorts import in_scope, phase_of
from fleet.policy.joint import jobs_seen, join
from fleet.policy.limits import limits
from fleet.policy.visiting import free_to_take

_DONE = (DomainState.VISITED, DomainState.SKIPPED)


def is_aligned(rollout: Rollout, cluster: str) -> bool:
    """Whether a rollout brings trains of a cluster together."""
    here = not rollout.spec.clusters or cluster in rollout.spec.clusters
    return here and rollout.spec.aligned is not None and rollout.state is RolloutState.RUNNING


def joining_of(
    rollout: Rollout,
    ledger: LedgerFacts,
    trains: Iterable[TrainFacts],
    frozen: Mapping[HostKey, int],
    versions: Mapping[str, Mapping[str, str]],
    places: Collection[Place],
) -> dict[Place, Joining]:
    """For each of these domains that a visit may ask for now: which others it takes along. `trains` are those that
    run, `versions` are as last observed, by host.
    """
    spec = rollout.spec
    if spec.aligned is None:
        return {}
    waiting = frozenset(
        name
        for name, host in ledger.hosts.items()
        if waits_for(rollout, host, frozen.get((host.cluster, name)), versions.get(name, {}).get(spec.component))
    )
    stops = [stop for train in trains for stop in stopovers(train, ledger, spec, waiting)]
    jobs, most = jobs_seen(ledger), spec.aligned.wait.total_seconds()
    return {own.place: join(own, stops, jobs, most) for own in stops if own.place in places}


def unit_of(host: Host, level: Grouping) -> str | None:
    """The rack or NVLink domain of a host; None where it is not known."""
    return host.rack if level is Grouping.RACK else host.nvlink if level is Grouping.NVLINK else None


def waits_for(rollout: Rollout, host: Host, frozen: int | None, carried: str | None) -> bool:
    """Whether an aligned rollout is open for a host that does not carry its version yet."""
    open_ = rollout.state is RolloutState.RUNNING and phase_of(rollout.spec, frozen) <= rollout.phase
    return open_ and in_scope(rollout.spec, host) and carried != rollout.spec.version


def units(spec: RolloutSpec, hosts: Iterable[Host], waiting: Iterable[str]) -> frozenset[str]:
    """Where the hosts of a domain that wait for an aligned rollout are."""
    names = set(waiting)
    if spec.aligned is None:
        return frozenset()
    found = (unit_of(h, spec.aligned.by) for h in hosts if h.name in names)
    return frozenset(unit for unit in found if unit is not None)


def stopovers(train: TrainFacts, ledger: LedgerFacts, spec: RolloutSpec, waiting: frozenset[str]) -> list[Stopover]:
    """Domains of a pool's open cycle that a joint visit may take, the one that is asked for just now among them.

    `waiting` are hosts for which the aligned rollout is open. None of a pool that is stopped or whose train waits for
    others at its stop already, and no domain that jobs gave back or that has its lease or its place in the queue.
    """
    cycle, pool = train.cycle, train.pool
    calls = [r.joint for r in ledger.requests if r.joint is not None and ledger.now < r.joint.until]
    if cycle is None or cycle.closed_at is not None or train.stops or any(c.place.pool == pool.name for c in calls):
        return []
    taken = {r.holder for r in ledger.requests} | {lease.holder for lease in ledger.leases.values()}
    left = [d for d in cycle.domains if d.state not in _DONE]
    slack = (cycle.due_at - train.now).total_seconds() - train.visit_seconds * len(left)
    most = limits(pool, sum(1 for h in train.hosts if not h.decommissioned)).planned_buffer
    found = []
    for progress in left:
        visiting = progress.state is DomainState.VISITING
        if progress.give_backs or (visiting and progress.visit in taken):
            continue
        free = free_to_take(progress.domain.hosts, ledger).taken
        hosts = [ledger.hosts[name] for name in free]
        if not free or len(free) > most:
            continue
        other = 0 if visiting or not train.open_visits else train.visit_seconds
        found.append(
            Stopover(
                place=Place(pool=pool.name, domain=progress.domain.name),
                hosts=free,
                units=units(spec, hosts, waiting),
                slack_seconds=slack,
                arrives_seconds=other + _notice_left(progress, train),
            )
        )
    return found


def _notice_left(progress: DomainProgress, train: TrainFacts) -> float:
    """Time that the domain's jobs still have from their notice on."""
    if progress.state is DomainState.VISITING:
        return 0.0
    told = progress.noticed_at if progress.state is DomainState.NOTICED else None
    return max(0.0, (((told or train.now) + train.pool.notice) - train.now).total_seconds())
