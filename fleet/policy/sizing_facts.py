"""From a pool as it is (hosts, topology, running jobs, visits that ended) to the question of its domain size."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import compress

from fleet.models.base import Moment
from fleet.models.host import Host
from fleet.models.pool import DomainSpec, Grouping, Pool
from fleet.models.scheduler import Job
from fleet.models.sizing import JobMix, SizeQuestion, VisitLength, VisitModel
from fleet.models.train import Domain
from fleet.policy.domains import form_domains
from fleet.policy.job_costs import OVERRUN, lost
from fleet.policy.limits import problems
from fleet.policy.sizing import possible, sizes
from fleet.policy.sizing_cost import point, visit_model
from fleet.policy.timetable_kept import interruptible
from fleet.policy.windows import closing, spans

_WEEKS = timedelta(weeks=4)
_HOUR = timedelta(hours=1)
_WEEKS_H = _WEEKS / _HOUR


def size_question(
    pool: Pool,
    hosts: Sequence[Host],
    jobs: Sequence[Job],
    ended: Sequence[VisitLength],
    now: Moment,
    flash: tuple[int | None, timedelta] = (None, timedelta(0)),
) -> SizeQuestion:
    """Everything counted, for each size that the pool's topology can make. `flash`: how many hosts at once, and how
    long one takes. Raises nothing: a pool without hosts has no sizes.
    """
    members = [h for h in hosts if not h.decommissioned]
    mine = {h.name for h in members}
    theirs = compress(jobs, interruptible(jobs))
    counted = [(job, _lost_hours(job, pool, now)) for job in theirs if _is_hit(job, mine, pool, now)]
    domains: dict[int, int] = {}
    placed: dict[int, float] = {}
    refused: dict[int, str] = {}
    today, groups = min(pool.domain.size, len(members)), _groups(members, pool)

    def look(size: int) -> int:
        """At a size, or at the smaller one that makes the same domains and keeps less free."""
        spec = DomainSpec(size=size, group_by=pool.domain.group_by)
        formed = form_domains(members, spec, pool.replicas)
        largest = max(len(d.hosts) for d in formed)
        if largest < size and size != today:
            return largest if largest in domains else look(largest)
        domains[size] = len(formed)
        placed[size] = _placed(formed, counted)
        wrong = problems(pool.model_copy(update={"domain": spec}), len(members))
        if wrong:
            refused[size] = wrong[0]
        return size

    for size in sorted({*sizes(len(members), groups), today} - {0}):
        look(size)
    bound, open_hours = pool.cycle_bound / timedelta(days=1), _open_hours(pool, now)
    open_for = sum(closes - opens for opens, closes in open_hours)
    question = SizeQuestion(
        members=max(1, len(members)),
        visit=visit_model(ended, _promised(pool, flash)),
        mix=_mix(counted),
        bound_days=bound,
        every_days=bound / 2,  # as a train without end opens them: see next_stop
        open_share=max(1e-6, min(1.0, open_for / _WEEKS_H)) if pool.windows else 1.0,
        open_hours=open_hours,
        open_for_days=_WEEKS / timedelta(days=1),
        need_hours=(pool.drain.deadline + pool.visit_budget) / _HOUR,
        notice_hours=pool.notice / _HOUR,
    ).model_copy(update={"domains": domains, "placed_host_hours": placed if counted else {}, "refused": refused})
    # Of the large sizes only some were looked at, and where the bound or a promise decides it is the last that can be.
    all_ = possible(len(members), groups)
    _to_the_edge(all_, domains, look, lambda size: point(question, size).cycle_days <= question.bound_days)
    _to_the_edge(all_, domains, look, lambda size: size in refused)
    return question


def _to_the_edge(
    among: Sequence[int], seen: Mapping[int, int], look: Callable[[int], int], holds: Callable[[int], bool]
) -> None:
    """Look between two sizes that were seen, so that the first one that something holds for is found."""
    known = sorted(seen)
    first = next((place for place, size in enumerate(known) if holds(size)), 0)
    between = [size for size in among if known[first - 1] < size < known[first]] if first else []
    while between:
        middle = len(between) // 2
        between = between[:middle] if holds(look(between[middle])) else between[middle + 1 :]


def _is_hit(job: Job, mine: set[str], pool: Pool, now: Moment) -> bool:
    """Whether a job would still run on hosts of the pool when they are emptied now."""
    if mine.isdisjoint(job.hosts):
        return False
    return job.ends_by is None or not now - OVERRUN <= job.ends_by <= now + pool.drain.deadline


def _lost_hours(job: Job, pool: Pool, now: Moment) -> float:
    return lost(job, pool.job_costs, now) / _HOUR


def _mix(counted: Sequence[tuple[Job, float]]) -> JobMix:
    found: dict[tuple[int, float], int] = {}
    for job, hours in counted:
        key = (len(job.hosts), round(hours, 4))
        found[key] = found.get(key, 0) + 1
    ordered = sorted(found.items())
    return JobMix(
        hosts=tuple(float(g) for (g, _), _ in ordered),
        count=tuple(float(n) for _, n in ordered),
        lost_hours=tuple(hours for (_, hours), _ in ordered),
    )


def _placed(formed: Sequence[Domain], counted: Sequence[tuple[Job, float]]) -> float:
    """Host-hours that a cycle costs these jobs where they run."""
    where: Mapping[str, int] = {host: i for i, domain in enumerate(formed) for host in domain.hosts}
    return sum(len({where[h] for h in job.hosts if h in where}) * len(job.hosts) * hours for job, hours in counted)


def _groups(members: Sequence[Host], pool: Pool) -> list[int]:
    """How large the groups are that the pool's domains follow, each size once; none where they follow nothing."""
    by = pool.domain.group_by
    if by is Grouping.NONE:
        return []
    found = Counter(h.rack if by is Grouping.RACK else h.nvlink for h in members)
    return sorted({count for name, count in found.items() if name is not None})


def _promised(pool: Pool, flash: tuple[int | None, timedelta]) -> VisitModel:
    whole = pool.drain.deadline + pool.visit_budget
    return VisitModel(
        fixed_seconds=whole.total_seconds(),
        flash_at_once=flash[0],
        flash_seconds=flash[1].total_seconds(),
        source="the fleet file's drain deadline and visit budget: no visit of this pool has ended yet",
    )


def _open_hours(pool: Pool, now: Moment) -> tuple[tuple[float, float], ...]:
    """The windows of the next weeks; from the end of one that is open now on, so that none is cut."""
    since = closing(pool.windows, now) or now
    until = since + _WEEKS
    open_ = ((max(s.opens, since), min(s.closes, until)) for s in spans(pool.windows, since, until))
    return tuple(((opens - since) / _HOUR, (closes - since) / _HOUR) for opens, closes in open_)
