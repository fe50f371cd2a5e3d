"""The answer to a what-if, as a table for people and as values for programs; its assumptions come with it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulation.comparing import Measured
from simulation.job import Summary
from simulation.outcome import Outcome
from simulation.scenario import Scenario
from starter.show import table


@dataclass(frozen=True)
class Answer:
    """What was asked, and what came of it."""

    scenario: Scenario
    workload: str
    """A name, or a file."""
    notes: tuple[str, ...]
    """What reading the file left out."""
    measured: list[Measured]

    @property
    def outcomes(self) -> list[Outcome]:
        """Of each policy."""
        return [m.outcome for m in self.measured]


def assumptions(answer: Answer) -> list[str]:
    """What the answer takes for granted, a sentence each."""
    s, jobs = answer.scenario, answer.scenario.workload.summary()
    limits, pools = s.limits(), s.pools
    upgrade = s.upgrade
    slowest = "" if s.whole_visits else ", that of a domain ends with its slowest host"
    released = f" An upgrade is released on day {upgrade.at_days:g}" if upgrade else ""
    released += f" and fails {upgrade.fails:.0%} of the visits that bring it" if upgrade and upgrade.fails else ""
    return [
        f"{s.hosts:,} hosts in {len(pools)} pool{'s' if len(pools) > 1 else ''}, domains of {s.domain};"
        f" {s.days:g} days, seed {s.seed}.{released}{'.' if released else ''}",
        f"Jobs: {answer.workload}, {jobs.jobs:,} of them, {jobs.host_days:,.0f} host-days of productive work"
        f" ({jobs.load(s.hosts, s.days):.0%} of the hosts' time), the largest on {jobs.largest:,} hosts.",
        *_chained(jobs),
        f"One scheduler over all pools: first come, first served, with EASY backfill, a pass every"
        f" {s.schedule_every_s:g} s; gangs go where they touch fewest domains; it knows nothing of coming visits.",
        f"Hosts fail {s.failures_per_1000_node_days:g} times in 1,000 node-days, independently, while they are up;"
        f" repairs take {s.repair}. A failure stops the whole gang.",
        f"Every policy brings each host through once in {s.cycle_days:g} days{_opening(len(pools))}, lock-step in the"
        f" middle of each cycle. A host's visit takes {s.visit} after at most {s.drain_s / 3600:g} h of"
        f" draining{slowest}; {s.visit_fails:.1%} of a host's visits end in a repair.",
        f"Lock-step: one window of {s.window_s / 3600:g} h for the whole cluster, without a drain. maxUnavailable:"
        f" {s.unavailable} of a pool. Sliding: as many hosts at once as the planned buffer. Both take hosts"
        f" {'in random order' if s.random_order else 'by name, in which those of a domain lie side by side'}.",
        *([_RELEASES] if upgrade else []),
        f"Promises of a pool: {limits[0].planned_buffer} planned, {limits[0].failure_buffer} failed at most, floor"
        f" {limits[0].floor:,} of {limits[0].members:,}. Only trains look at floor and failures."
        f"{' Floor kept is a mean over the pools.' if len(pools) > 1 else ''}",
        "An interrupted job loses what it did since its last checkpoint, restarts, and keeps its place in the queue"
        + (
            "; it checkpoints just before a planned interruption."
            if s.checkpoint_on_notice
            else ". Notice does not make it checkpoint."
        ),
    ]


_RELEASES = (
    "How long an upgrade takes is the mean over releases spread evenly over one cycle, for it is chance when in a cycle"
    " a version comes out; it boards visits that begin after its release, and repairs whose last try, as long as a"
    " visit, begins after it."
)


def _opening(pools: int) -> str:
    """When cycles open."""
    if pools == 1:
        return ", from day 0 on"
    return ": pools open their cycles evenly spread over that time, and on day 0 each is where it would be by then"


def _chained(jobs: Summary) -> list[str]:
    """Said where jobs are told as one."""
    if jobs.stands_for <= jobs.jobs:
        return []
    return [
        f"They stand for {jobs.stands_for:,} jobs, {jobs.stands_for / jobs.jobs:.1f} each on average: jobs of a class"
        " that would follow one another are told as one, with a restart and a checkpoint between them. Jobs done and"
        " hit, waits, ETTR with its waits and planned interruptions are of what is told, not of each job in it."
    ]


def answer_lines(answer: Answer) -> list[str]:
    """The answer for a terminal: assumptions, the comparison, and how much was simulated."""
    lines = [f"- {sentence}" for sentence in (*assumptions(answer), *answer.notes)]
    return ["Assumptions", *lines, "", comparison(answer), "", *_work(answer)]


def comparison(answer: Answer) -> str:
    """A row a figure, a column a policy."""
    heads = ("", *(o.policy.value for o in answer.outcomes))
    return table(heads, [(name, *(of(o) for o in answer.outcomes)) for name, of in ROWS])


def answer_json(answer: Answer) -> dict[str, Any]:
    """The same as values."""
    return {
        "scenario": answer.scenario.model_dump(mode="json", exclude={"policy"}),
        "workload": {"name": answer.workload, **asdict(answer.scenario.workload.summary())},
        "assumptions": [*assumptions(answer), *answer.notes],
        "outcomes": [o.model_dump(mode="json") for o in answer.outcomes],
        "cost": {m.outcome.policy.value: asdict(m.cost) for m in answer.measured},
    }


def _work(answer: Answer) -> list[str]:
    return [
        f"{m.outcome.policy.value}: {m.outcome.work.jobs:,} jobs, {m.outcome.work.events:,} events,"
        f" {m.outcome.work.decisions:,} decisions ({m.outcome.work.policy_decisions:,} of the policy) in"
        f" {m.cost.wall_s:.1f} s ({m.cost.cpu_s:.1f} s of processor), {m.cost.peak_mib} MiB"
        for m in answer.measured
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _days(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.1f} d"


def _reach(which: str) -> Callable[[Outcome], str]:
    return lambda o: "-" if o.reach is None else _days(getattr(o.reach, which))


def _mean_reach(which: str) -> Callable[[Outcome], str]:
    """Of any release; a dash where only the time simulated is too short to tell, or the version harms hosts."""

    def told(o: Outcome) -> str:
        if o.reach is None:
            return "-"
        mean = getattr(o.reach, f"mean_{which}")
        return "-" if mean is None and getattr(o.reach, which) is not None else _days(mean)

    return told


ROWS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("hosts up, lowest", lambda o: f"{o.capacity.up_min:,}"),
    ("hosts up, mean", lambda o: f"{o.capacity.up_mean:,.0f}"),
    ("floor kept, share of time", lambda o: _share(o.capacity.at_or_above_floor)),
    ("out by plan, mean", lambda o: f"{o.capacity.planned_mean:,.0f}"),
    ("ETTR", lambda o: _share(o.goodput.ettr)),
    ("ETTR, jobs of 128 hosts or more", lambda o: _share(o.goodput.ettr_large)),
    ("the same without waits", lambda o: _share(o.goodput.effective_large)),
    ("hosts' time held by jobs", lambda o: _share(o.goodput.busy)),
    ("hosts' time productive", lambda o: _share(o.goodput.productive)),
    ("lost to planned work, host-days", lambda o: f"{o.goodput.lost_planned_host_days:,.0f}"),
    ("lost to failures, host-days", lambda o: f"{o.goodput.lost_unplanned_host_days:,.0f}"),
    ("gangs interrupted a day, planned", lambda o: f"{o.interruptions.planned_a_day:,.1f}"),
    ("gangs interrupted a day, unplanned", lambda o: f"{o.interruptions.unplanned_a_day:,.1f}"),
    ("jobs hit", lambda o: f"{o.interruptions.jobs_hit:,} ({_share(o.interruptions.share_hit)})"),
    ("interruptions of the worst job", lambda o: f"{o.interruptions.worst:,}"),
    ("jobs done", lambda o: f"{o.jobs.done:,}"),
    ("wait of a job, mean", lambda o: f"{o.jobs.wait_hours_mean:.2f} h"),
    ("upgrade on 50% of hosts, mean of release days", _mean_reach("half")),
    ("upgrade on 90%, mean of release days", _mean_reach("most")),
    ("upgrade on all, mean of release days", _mean_reach("all")),
    ("this release on 50%", _reach("half")),
    ("this release on all", _reach("all")),
    ("hosts harmed by it", lambda o: "-" if o.reach is None else f"{o.reach.harmed:,}"),
    (
        "offboarded after",
        lambda o: "-" if o.reach is None or o.reach.blamed_days is None else _days(o.reach.blamed_days),
    ),
    ("cycle, mean", lambda o: "-" if o.cycles.mean_days is None else _days(o.cycles.mean_days)),
    ("cycle, longest", lambda o: "-" if o.cycles.longest_days is None else _days(o.cycles.longest_days)),
    ("cycles late", lambda o: f"{o.cycles.late:,}"),
)
