"""Jobs that run: started on all their hosts at once, interrupted as a whole, and what each second of theirs was.

A run begins with the restart, then works; what it did since its last checkpoint is lost when it is interrupted.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from math import floor, inf, isfinite

from simulation.clock import Clock
from simulation.hosts import Hosts, Parts
from simulation.scenario import Scenario


class Visit:
    """Hosts that are taken out together, and the jobs' hosts among them that are yet to be drained."""

    def __init__(self, hosts: list[int], cycle: int, at: float) -> None:
        self.hosts, self.cycle, self.at = hosts, cycle, at
        self.pending = 0
        """Hosts on which jobs still run."""
        self.begun = False
        self.out = 0
        """Hosts that are still worked on, once it has begun."""
        self.passed: list[int] = []
        self.failed: list[int] = []
        self.gangs: dict[int, None] = {}
        """Jobs that run on them, in the order they were found."""


class Gangs:
    """Every job by its index in the workload: waiting, running or done."""

    def __init__(self, scenario: Scenario, hosts: Hosts, clock: Clock) -> None:
        jobs = scenario.workload
        self.hosts, self.clock = hosts, clock
        self.need: list[int] = jobs.hosts.tolist()
        self.left: list[float] = jobs.run_s.tolist()
        """Productive seconds to go, from the last checkpoint."""
        self.expected: list[float] = (jobs.limit_s + jobs.restart_s).tolist()
        """How long the scheduler expects a job to run from its next start, by its limit."""
        self.restart: list[float] = jobs.restart_s.astype(float).tolist()
        self.every: list[float] = jobs.checkpoint_s.astype(float).tolist()
        self.links: list[float] = (jobs.restart_s.astype(float) / jobs.link_s).tolist()
        """Restarts of the jobs that one stands for, a productive second."""
        self.write_s, self.on_notice = scenario.checkpoint_write_s, scenario.checkpoint_on_notice
        count = len(jobs)
        self.done_at = [inf] * count
        self.starts = [0] * count
        self.hits: tuple[list[int], list[int]] = ([0] * count, [0] * count)
        """Interruptions of each job: unplanned, planned."""
        self.waited = [0.0] * count
        self.queued_at: list[float] = jobs.submit_s.tolist()
        self.busy = 0
        """Hosts that jobs hold."""
        self.began: dict[int, float] = {}
        """Jobs that run, and since when."""
        self.ends: list[tuple[float, int]] = []
        """When the scheduler expects each of them to end, in order; those without a limit are left out."""
        self._expected: dict[int, float] = {}
        self._where: dict[int, Parts] = {}
        self.on: list[dict[int, int]] = [{} for _ in hosts.span]
        """By domain: its jobs, with their number of hosts in it."""
        self.reserved: list[dict[int, list[tuple[Visit, int]]]] = [{} for _ in hosts.span]
        """By domain: hosts of jobs that visits wait for."""
        self.productive = self.restarting = self.writing = 0.0
        """Host-seconds of what has ended."""
        self.lost = [0.0, 0.0]
        """Host-seconds worked for nothing: unplanned, planned."""
        self.drained: Callable[[Visit], None] = lambda visit: None
        self.requeued: Callable[[int], None] = lambda job: None
        self.freed: Callable[[], None] = lambda: None

    def wall(self, job: int, work: float) -> float:
        """Time that so much productive work takes, with its checkpoints, and the restarts within a chain of jobs."""
        every = self.every[job]
        writes = self.write_s / every if self.write_s and every and isfinite(every) else 0.0
        return work * (1 + writes + self.links[job])

    def expected_end(self, job: int) -> float:
        """When the scheduler expects a running job to end; inf for one without a limit."""
        return self._expected.get(job, inf)

    def start(self, job: int) -> None:
        """Start a job for which there are enough free hosts."""
        now, need = self.clock.now, self.need[job]
        parts = self._where[job] = self.hosts.place(need)
        for domain, count in parts:
            self.on[domain][job] = count
        self.busy += need
        self.waited[job] += now - self.queued_at[job]
        self.began[job] = now
        self.starts[job] += 1
        ends = now + self.expected[job]
        if ends < inf:
            self._expected[job] = ends
            insort(self.ends, (ends, job))
        lasts = self.restart[job] + self.wall(job, self.left[job])
        self.clock.at(now + lasts, self._ended, (job, self.starts[job]))

    def interrupt(self, job: int, planned: bool) -> None:
        """Stop a running job; it waits again, from its last checkpoint on."""
        now, need = self.clock.now, self.need[job]
        passed = now - self.began[job]
        restarting = min(passed, self.restart[job])
        worked = (passed - restarting) / self.wall(job, 1.0)
        kept = worked if planned and self.on_notice else self._kept(job, worked)
        between = worked * self.links[job]
        self.restarting += need * (restarting + between)
        self.writing += need * (passed - restarting - worked - between)
        self.productive += need * kept
        self.lost[planned] += need * (worked - kept)
        self.left[job] -= kept
        self.expected[job] -= kept
        self.hits[planned][job] += 1
        self.queued_at[job] = now
        self._release(job)
        self.requeued(job)

    def hit(self, domain: int, pick: float) -> None:
        """A host of this domain that is up fails: take it from the job on it, or from the free ones."""
        job = self._picked(domain, pick)
        if job is not None:
            self.interrupt(job, planned=False)
        self.hosts.add_free(domain, -1)

    def vacate(self, visit: Visit, domain: int, count: int, pick: float) -> None:
        """Take hosts of a domain that are up for a visit: all of them, or one that `pick` draws. Free ones at once,
        those of jobs when the jobs have left.
        """
        if count == self.hosts.up_of[domain]:
            reserved = self.reserved[domain]
            self.hosts.add_free(domain, -self.hosts.free[domain])
            for job, n in self.on[domain].items():
                self._reserve(visit, domain, job, n - sum(m for _, m in reserved.get(job, ())))
        elif (picked := self._picked(domain, pick)) is None:
            self.hosts.add_free(domain, -1)
        else:
            self._reserve(visit, domain, picked, 1)

    def _picked(self, domain: int, pick: float) -> int | None:
        """The job on a host that is drawn among those that are up; None for a free one."""
        reserved = self.reserved[domain]
        target = pick * self.hosts.up_of[domain] - self.hosts.free[domain]
        if target < 0:
            return None
        for job, count in self.on[domain].items():
            target -= count - sum(n for _, n in reserved[job]) if job in reserved else count
            if target < 0:
                return job
        return None

    def close(self) -> None:
        """Count what the running jobs did up to now: nothing of it is lost yet."""
        for job, began in self.began.items():
            passed = self.clock.now - began
            restarting = min(passed, self.restart[job])
            worked = (passed - restarting) / self.wall(job, 1.0)
            between = worked * self.links[job]
            self.restarting += self.need[job] * (restarting + between)
            self.writing += self.need[job] * (passed - restarting - worked - between)
            self.productive += self.need[job] * worked
            self.left[job] -= worked

    def _kept(self, job: int, worked: float) -> float:
        """What a checkpoint holds of the work of this run."""
        every = self.every[job]
        if every == 0:
            return worked
        return floor(worked / every) * every if isfinite(every) else 0.0

    def _reserve(self, visit: Visit, domain: int, job: int, count: int) -> None:
        if count:
            self.reserved[domain].setdefault(job, []).append((visit, count))
            visit.pending += count
            visit.gangs[job] = None

    def _ended(self, what: tuple[int, int]) -> None:
        job, start = what
        if job not in self.began or self.starts[job] != start:
            return  # that run was interrupted
        work = self.left[job]
        need = self.need[job]
        between = work * self.links[job]
        self.restarting += need * (self.restart[job] + between)
        self.writing += need * (self.wall(job, work) - work - between)
        self.productive += need * work
        self.left[job] = 0.0
        self.done_at[job] = self.clock.now
        self._release(job)

    def _release(self, job: int) -> None:
        """Give a job's hosts back: to the free ones, or to the visits that wait for them."""
        del self.began[job]
        self.busy -= self.need[job]
        if (ends := self._expected.pop(job, None)) is not None:
            del self.ends[bisect_left(self.ends, (ends, job))]
        drained: dict[Visit, None] = {}
        for domain, count in self._where.pop(job):
            del self.on[domain][job]
            if job in (reserved := self.reserved[domain]):
                for visit, held in reserved.pop(job):
                    visit.pending -= held
                    visit.gangs.pop(job, None)
                    count -= held  # noqa: PLW2901 - what is left of it is free
                    drained[visit] = None
            self.hosts.add_free(domain, count)
        self.freed()
        for visit in drained:
            if not visit.pending:
                self.drained(visit)
