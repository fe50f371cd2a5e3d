"""Which domains a joint visit may take, as the trains, the ledger and the aligned rollout stand."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from fleet.models.facts import LedgerFacts, TrainFacts
from fleet.models.host import Host
from fleet.models.joint import Joining, Place, Stopover
from fleet.models.rollout import Unit
from fleet.models.rollouts import HostKey, Rollout, RolloutState
from fleet.models.topology import Topology
from fleet.models.train import DomainProgress, DomainState
from fleet.policy.cohorts import in_scope, phase_of
from fleet.policy.joint import jobs_seen, join
from fleet.policy.limits import limits
from fleet.policy.switches import switches_of
from fleet.policy.visiting import free_to_take
from fleet.policy.windows import ended

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
    topology: Topology | None = None,
) -> dict[Place, Joining]:
    """For each of these domains that a visit may ask for now: which others it takes along. `trains` are those that
    run, `versions` are as last observed, by host; `topology` says what hangs on which switch.
    """
    spec = rollout.spec
    if spec.aligned is None:
        return {}
    waiting = frozenset(
        name
        for name, host in ledger.hosts.items()
        if waits_for(rollout, host, frozen.get((host.cluster, name)), versions.get(name, {}).get(spec.component))
    )
    on = units_of(ledger.hosts, spec.aligned.by, topology or Topology())
    stops = [stop for train in trains for stop in stopovers(train, ledger, on, waiting)]
    jobs, most = jobs_seen(ledger), spec.aligned.wait.total_seconds()
    return {own.place: join(own, stops, jobs, most) for own in stops if own.place in places}


def units_of(hosts: Mapping[str, Host], level: Unit, topology: Topology) -> dict[str, frozenset[str]]:
    """The racks, NVLink domains or switches that each host is in or on; none where that is not known.

    Raises InvalidInput for a topology with a malformed hostlist.
    """
    if level is Unit.SWITCH:
        return switches_of(hosts, topology)
    found = {name: host.rack if level is Unit.RACK else host.nvlink for name, host in hosts.items()}
    return {name: frozenset([unit]) for name, unit in found.items() if unit is not None}


def waits_for(rollout: Rollout, host: Host, frozen: int | None, carried: str | None) -> bool:
    """Whether an aligned rollout is open for a host that does not carry its version yet."""
    open_ = rollout.state is RolloutState.RUNNING and phase_of(rollout.spec, frozen) <= rollout.phase
    return open_ and in_scope(rollout.spec, host) and carried != rollout.spec.version


def stopovers(
    train: TrainFacts, ledger: LedgerFacts, on: Mapping[str, frozenset[str]], waiting: frozenset[str]
) -> list[Stopover]:
    """Domains of a pool's open cycle that a joint visit may take, the one that is asked for just now among them.

    `on` are the units of hosts, `waiting` those for which the aligned rollout is open. None of a pool that is stopped
    or whose train waits for others at its stop already, and no domain that jobs gave back or that has its lease or its
    place in the queue.
    """
    cycle, pool = train.cycle, train.pool
    calls = [r.joint for r in ledger.requests if r.joint is not None and ledger.now < r.joint.until]
    if cycle is None or cycle.closed_at is not None or train.stops or any(c.place.pool == pool.name for c in calls):
        return []
    taken = {r.holder for r in ledger.requests} | {lease.holder for lease in ledger.leases.values()}
    left = [d for d in cycle.domains if d.state not in _DONE]
    need = pool.drain.deadline + pool.visit_budget
    done = ended(pool.windows, train.now, len(left), timedelta(seconds=train.visit_seconds), need)
    if done is None:
        return []
    slack = (cycle.due_at - done).total_seconds()
    most = limits(pool, sum(1 for h in train.hosts if not h.decommissioned)).planned_buffer
    found = []
    for progress in left:
        visiting = progress.state is DomainState.VISITING
        if progress.give_backs or (visiting and progress.visit in taken):
            continue
        free = free_to_take(progress.domain.hosts, ledger, pool.name).taken
        if not free or len(free) > most:
            continue
        other = 0 if visiting or not train.open_visits else train.visit_seconds
        found.append(
            Stopover(
                place=Place(pool=pool.name, domain=progress.domain.name),
                hosts=free,
                units=frozenset(unit for name in free if name in waiting for unit in on.get(name, ())),
                slack_seconds=slack,
                arrives_seconds=max(other + _notice_left(progress, train), _kept_away(progress, train)),
            )
        )
    return found


def _notice_left(progress: DomainProgress, train: TrainFacts) -> float:
    """Time that the domain's jobs still have from their notice on."""
    if progress.state is DomainState.VISITING:
        return 0.0
    told = progress.noticed_at if progress.state is DomainState.NOTICED else None
    return max(0.0, (((told or train.now) + train.pool.notice) - train.now).total_seconds())


def _kept_away(progress: DomainProgress, train: TrainFacts) -> float:
    """Time for which the train keeps away from the domain, as its jobs were granted."""
    until = train.avoided.get(progress.domain.name, train.now)
    return max(0.0, (until - train.now).total_seconds())
