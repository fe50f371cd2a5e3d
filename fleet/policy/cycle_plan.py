"""What a train's stops to come would do: hosts, upgrades, reboots, time, and the jobs that would be interrupted.

Decided by the very policies that visits follow. A fleet has few different sets of versions, so what boards is decided
once for each of them: a cycle of 75,000 hosts is planned in seconds (`make bench` measures it).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fleet.models.base import Fact
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import AtDeadline, Pool
from fleet.models.rollouts import RolloutFacts, WantedSet
from fleet.models.scheduler import ClusterView, Job, JobKind
from fleet.models.train import Domain
from fleet.models.work import BoardAction, Boarding, StepKind
from fleet.policy.boarding import board
from fleet.policy.draining import fate
from fleet.policy.visiting import free_to_take
from fleet.policy.wanted import NO_ROLLOUTS, wanted

VERSIONS_UNREAD = "its versions could not be read; the visit reads them again"


class PlannedJob(Fact):
    """A job on hosts that a stop takes."""

    id: str
    user: str
    kind: JobKind
    hosts: tuple[str, ...]
    at_deadline: AtDeadline


class PlannedStop(Fact):
    """One stop to come."""

    domain: str
    hosts: tuple[str, ...]
    left_out: dict[str, str]
    upgrades: dict[str, int]
    """`component version`: on how many hosts."""
    reboots: int
    stays: dict[str, str]
    """Hosts that get no upgrade, with the reason."""
    expected_seconds: float
    jobs: tuple[PlannedJob, ...] | None
    """None when the scheduler could not be read."""


def plan_stops(
    cluster: Cluster,
    pool: Pool,
    domains: Iterable[Domain],
    ledger: LedgerFacts,
    entries: Sequence[MatrixEntry],
    versions: Mapping[str, Mapping[str, str]],
    view: ClusterView | None,
    rollouts: RolloutFacts = NO_ROLLOUTS,
) -> tuple[PlannedStop, ...]:
    """Plan a visit of each domain in turn. `versions` by host as last observed; no `view`: the jobs are not known.

    `rollouts` as they stand now, with the cohorts of the hosts of these domains.
    """
    planner = _Planner(cluster, pool, ledger, entries, versions, view, rollouts)
    return tuple(planner.stop(domain) for domain in domains)


class _Planner:
    def __init__(
        self,
        cluster: Cluster,
        pool: Pool,
        ledger: LedgerFacts,
        entries: Sequence[MatrixEntry],
        versions: Mapping[str, Mapping[str, str]],
        view: ClusterView | None,
        rollouts: RolloutFacts,
    ) -> None:
        self.rollouts = rollouts
        self.cluster, self.pool, self.ledger, self.entries = cluster, pool, ledger, entries
        self.versions = versions
        self.boardings: dict[tuple[frozenset[tuple[str, str]], str], Boarding] = {}
        self.jobs_of = None if view is None else _jobs_by_host(view)

    def stop(self, domain: Domain) -> PlannedStop:
        """What a visit of this domain would do."""
        taking = free_to_take(domain.hosts, self.ledger, self.pool.name)
        upgrades: Counter[str] = Counter()
        stays: dict[str, str] = {}
        taken, reboots, longest = [], 0, 0.0
        for host in taking.taken:
            boarding = self._board(host)
            if boarding is None:
                stays[host] = VERSIONS_UNREAD
            elif boarding.action is not BoardAction.VISIT:
                stays[host] = boarding.reason
                continue
            taken.append(host)
            for step in boarding.steps if boarding else ():
                reboots += step.kind is StepKind.REBOOT
                if step.upgrade is not None:
                    upgrades[f"{step.upgrade.component} {step.upgrade.version}"] += 1
            longest = max(longest, boarding.expected_seconds if boarding else 0.0)
        return PlannedStop(
            domain=domain.name,
            hosts=tuple(taken),
            left_out=taking.left_out,
            upgrades=dict(sorted(upgrades.items())),
            reboots=reboots,
            stays=stays,
            expected_seconds=longest + (self.pool.notice.total_seconds() if taken else 0.0),
            jobs=self._jobs(taken),
        )

    def _board(self, host: str) -> Boarding | None:
        observed = self.versions.get(host)
        if observed is None:
            return None
        wish = self._wanted(host, observed)
        key = (frozenset(observed.items()), wish.model_dump_json() if wish is not None else "")
        if key not in self.boardings:
            self.boardings[key] = board(self.cluster, self.pool, observed, self.entries, wish)
        return self.boardings[key]

    def _wanted(self, host: str, observed: Mapping[str, str]) -> WantedSet | None:
        """What rollouts make of what the fleet file desires; None where there are none."""
        if not self.rollouts.rollouts and not self.rollouts.urgent:
            return None
        return wanted(self.cluster, self.pool, self.ledger.hosts.get(host), observed, self.rollouts)

    def _jobs(self, hosts: Sequence[str]) -> tuple[PlannedJob, ...] | None:
        if self.jobs_of is None:
            return None
        found = {job.id: job for host in hosts for job in self.jobs_of.get(host, ())}
        return tuple(
            PlannedJob(id=job.id, user=job.user, kind=job.kind, hosts=job.hosts, at_deadline=fate(job, self.pool.drain))
            for _, job in sorted(found.items())
        )


def _jobs_by_host(view: ClusterView) -> dict[str, list[Job]]:
    found: defaultdict[str, list[Job]] = defaultdict(list)
    for job in view.jobs.values():
        for host in job.hosts if job.holds else ():
            found[host].append(job)
    return found
