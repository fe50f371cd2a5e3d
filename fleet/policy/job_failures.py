"""Which hosts the ends of jobs speak against, and how strongly. ADR 0033 tells why.

A run that the scheduler ended because a host failed counts to the host it names; a gang whose failed host nobody names
counts to none. A run on one host alone whose own processes failed speaks weakly of that host, and only where the same
work passes elsewhere; one of a gang says next to nothing about any one host, and counts for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import Decision, Moment
from fleet.models.rollouts import Trial
from fleet.models.scheduler import JobEnd, JobEnding
from fleet.models.verification import Category
from fleet.policy.visit_trials import broke, soaking

Works = Mapping[str, Mapping[str, bool]]
"""Work: hosts on which it ran alone, and whether its last run there passed."""
PASSED_ELSEWHERE = 2
"""Hosts on which a work has passed, at least, before a failure of it speaks of another host."""
MOST_WORKS = 2000


class HostFailure(Decision):
    """A job failed, and it speaks of this host."""

    host: str
    run: str
    work: str = ""
    """Of a weak one: whose work failed. Each work may speak once, or a flaky one would speak for all."""

    @property
    def weak(self) -> bool:
        """True when nothing but the job's own end speaks of the host."""
        return bool(self.work)


def remembered(works: Works, ends: Iterable[JobEnd]) -> dict[str, dict[str, bool]]:
    """The works with more ends, latest last; those longest not seen are forgotten beyond `MOST_WORKS`."""
    found = {work: dict(hosts) for work, hosts in works.items()}
    for end in ends:
        if end.work and len(end.hosts) == 1 and end.ending in (JobEnding.PASSED, JobEnding.FAILED):
            hosts = found.pop(end.work, {})
            hosts[end.hosts[0]] = end.ending is JobEnding.PASSED
            found[end.work] = hosts
    return dict(list(found.items())[-MOST_WORKS:])


def host_failures(ends: Iterable[JobEnd], works: Works) -> tuple[HostFailure, ...]:
    """What these ends say of hosts; `works` knows them already."""
    found = []
    for end in ends:
        if end.ending is JobEnding.HOST_FAILED and end.failed_host is not None:
            reason = f"job {end.job}: the scheduler ended it because {end.failed_host} failed"
            found.append(HostFailure(host=end.failed_host, run=end.key, reason=reason))
        elif end.ending is JobEnding.FAILED and len(end.hosts) == 1 and end.work:
            passed = list(works.get(end.work, {}).values()).count(True)
            failed = len(works.get(end.work, {})) - passed
            if passed >= PASSED_ELSEWHERE and passed > failed:
                reason = f"job {end.job} failed, and {end.work} passes on {passed} other hosts"
                found.append(HostFailure(host=end.hosts[0], run=end.key, work=end.work, reason=reason))
    return tuple(found)


def job_trial(failure: HostFailure, its: Sequence[Trial], before: Moment, soak: timedelta, now: Moment) -> Trial | None:
    """The trial of a host on which a job failed; None when nothing soaks on it, or it failed since already.

    `its` are the host's trials, oldest first. `before` is the last look before the failure showed: what returned after
    it may have returned after the failure, too. Beside a job that failed by itself, the host itself may fail.
    """
    last = next((t for t in reversed(its) if failure.weak or t.category != Category.JOB), None)
    if last is None or last.failed or last.inconclusive or last.at > before or now - last.at > soak:
        return None
    category = Category.JOB.value if failure.weak else ""
    return soaking(broke(last, now, failure.reason, category), its, soak)
