"""Simulated rollouts whose hosts tell failures of jobs: how often flaky work gets a good version blamed, and how often
a version that fails jobs is found. The judge is the policy itself.

Domains return by turns, every third with the version, and soak. On each, arrays of single-host jobs of some work start
soon after, on all of its hosts at once, as schedulers fill what is free: that is what makes flaky work dangerous.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleet.models.blame import BlameVerdict, HostRecord, Suspect, Trial, TrialKind
from fleet.models.blame_state import BlameState
from fleet.models.verification import Category, Verdict
from fleet.policy.blame import judge
from fleet.policy.rollout_blame import LOOKS_IN_A_SOAK

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SUSPECT = Suspect(component="gpu-driver", version="2")
MODEL = "h100"
DOMAINS, HOSTS, TURN, FIRST_WITH, EVERY = 60, 8, 3.0, 24, 3
"""Domains and their hosts; hours between returns; the first domain that gets the version, and which one of so many."""
SOAK = 48.0
"""Hours."""
ARRAYS, APART, CHANCE = 6, 8.0, 0.5
"""Arrays that may start on a domain, hours between them, and the chance of each."""
DOWN = 0.002
"""Hosts that go down a day, whatever they carry."""


@dataclass(frozen=True)
class Work:
    """What runs: so many works, the share of their runs that fails, and of those with the version that fail besides.
    `once`: each work speaks once in a soak, as in earnest.
    """

    works: int
    flaky: float
    bad: float = 0.0
    once: bool = True


@dataclass(frozen=True)
class _Host:
    name: str
    back: float
    treated: bool


def blamed(rng: random.Random, work: Work) -> bool:
    """Whether the version of one simulated rollout is blamed, looking at each instant at which production is told."""
    domains = [
        [_Host(f"h{d}-{n}", TURN * d, d >= FIRST_WITH and d % EVERY == 0) for n in range(HOSTS)] for d in range(DOMAINS)
    ]
    failed = _failed(rng, domains, work)
    told: dict[float, list[Trial]] = {}
    for host in (h for hosts in domains for h in hosts):
        for at, trial in _census(host, failed.get(host.name)):
            told.setdefault(at, []).append(trial)
    state = BlameState(declared=(MODEL,))
    for at in sorted(told):
        found = judge([SUSPECT], told[at], state)
        state = found.state
        if found.verdict is BlameVerdict.VERSION:
            return True
    return False


def _failed(rng: random.Random, domains: list[list[_Host]], work: Work) -> dict[str, tuple[float, Category | None]]:
    """Host: when it failed first, in hours, and by what."""
    failed: dict[str, tuple[float, Category | None]] = {}
    spoken = set[tuple[int, int]]()
    for hosts in domains:
        for array in range(ARRAYS):
            if rng.random() >= CHANCE:
                continue
            which, at = rng.randrange(work.works), hosts[0].back + array * APART + rng.random()
            for host in rng.sample(hosts, len(hosts)):
                fails = rng.random() < work.flaky + work.bad * host.treated
                key = (which, int(at // SOAK))
                if fails and host.name not in failed and not (work.once and key in spoken):
                    spoken.add(key)
                    failed[host.name] = (at, Category.JOB)
        for host in hosts:
            down = host.back + rng.random() * SOAK
            if rng.random() < DOWN * SOAK / 24 and down < failed.get(host.name, (down + 1, None))[0]:
                failed[host.name] = (down, None)
    return failed


def _census(host: _Host, failure: tuple[float, Category | None] | None) -> Iterator[tuple[float, Trial]]:
    """(instant, days and how they ended) of one host, as `fleet.policy.rollout_blame` tells production."""
    every, start = SOAK / LOOKS_IN_A_SOAK, host.back
    end = min(host.back + SOAK, failure[0] if failure else host.back + SOAK)
    while start < end:
        at = (start // every + 1) * every
        till = min(at, end)
        broke = failure is not None and till == failure[0]
        yield (
            at,
            Trial(
                host=host.name,
                hardware=MODEL,
                versions=(SUSPECT,) if host.treated else (),
                kind=TrialKind.PRODUCTION,
                verdict=Verdict.FAILED if broke else Verdict.PASSED,
                category=failure[1] if broke and failure else None,
                days=max((till - start) / 24, 1e-9),
                at=BEGIN + timedelta(hours=at),
                record=HostRecord(),
            ),
        )
        start = till
