"""Which host makes a group slow? Each step names the next group to run, or the end, from the runs so far.

A group is as slow as its slowest member, and one host alone shows nothing, since the fabric lies between hosts. So
groups are halved until one of them is fast; with a host from it as partner, the others are tried in halves. A host is
named only after it was slow beside a good partner alone; what contradicts that lies with no single host.
"""

from collections.abc import Sequence

from fleet.hostlist import compact
from fleet.models.bisection import BisectionEnd, BisectionStep, GroupRun

_LEAST_TO_HALVE = 4
_TRIO = 3
_PAIR = 2


def next_group(hosts: Sequence[str], runs: Sequence[GroupRun], most_runs: int) -> BisectionStep:
    """The next step of a search among `hosts` (at least two), after `runs`, of which there may be `most_runs`."""
    everybody = frozenset(hosts)
    if any(run.slow is None for run in runs):
        return _end(BisectionEnd.GIVEN_UP, f"the run over {_told(runs[-1].hosts)} came to no result")
    slow_runs = {run.hosts for run in runs if run.slow}
    fast_runs = {run.hosts for run in runs if not run.slow}
    good = frozenset[str]().union(*fast_runs)
    if everybody in fast_runs:
        return _end(BisectionEnd.CLEAR, f"{len(everybody)} hosts together are fast enough")
    if together := [group for group in slow_runs if group <= good]:
        told = _told(min(together, key=_order))
        return _end(BisectionEnd.NO_SINGLE_HOST, f"{told} are slow together, and each of them is fast in other groups")
    step = _beside_good(everybody, good, slow_runs) if good else _first_good(everybody, slow_runs)
    if step.run and len(runs) >= most_runs:
        return _end(BisectionEnd.GIVEN_UP, f"{most_runs} runs are used up")
    return step


def _first_good(everybody: frozenset[str], slow: set[frozenset[str]]) -> BisectionStep:
    """Halve until a group is fast."""
    queue = [everybody]
    for group in queue:
        if group not in slow:
            return _run(group, "it may be fast as a whole" if group == everybody else "it is looked for a fast group")
        if len(group) >= _LEAST_TO_HALVE:
            names = sorted(group)
            queue += [frozenset(names[: len(names) // 2]), frozenset(names[len(names) // 2 :])]
    if len(everybody) == _TRIO:
        for name in sorted(everybody):
            if (pair := everybody - {name}) not in slow:
                return _run(pair, f"it shows whether {name} is the slow one")
    told = f"every group of {_told(everybody)} is slow"
    return _end(
        BisectionEnd.NO_SINGLE_HOST, f"{told}, down to {min(len(g) for g in slow)} hosts: none is a good partner"
    )


def _beside_good(everybody: frozenset[str], good: frozenset[str], slow: set[frozenset[str]]) -> BisectionStep:
    """Try those not known to be good, in halves, beside a good partner."""
    partner = min(good)
    bad = {name for pair in slow if len(pair) == _PAIR and pair & good for name in pair - good}
    open_hosts = everybody - good - bad
    # Slow groups that no host found so far explains: each has at least one more slow host.
    unexplained: list[frozenset[str]] = [group & open_hosts for group in slow if not group & bad]
    if unexplained:
        names = sorted(sorted(unexplained, key=_order)[0])
        tried = frozenset(names[: (len(names) + 1) // 2])
        return _run(tried | {partner}, f"one of {_told(frozenset(names))} is slow; {partner} is good")
    if open_hosts:
        return _run(open_hosts | {partner}, f"they were not yet seen without {', '.join(sorted(bad))}")
    told = ", ".join(sorted(bad))
    return BisectionStep(
        end=BisectionEnd.FOUND,
        slow=tuple(sorted(bad)),
        reason=f"{told} slow beside one good host alone; the other {len(good)} are fast",
    )


def _order(group: frozenset[str]) -> tuple[int, list[str]]:
    return len(group), sorted(group)


def _run(group: frozenset[str], why: str) -> BisectionStep:
    return BisectionStep(end=BisectionEnd.GOES_ON, run=tuple(sorted(group)), reason=f"run {_told(group)}: {why}")


def _end(end: BisectionEnd, reason: str) -> BisectionStep:
    return BisectionStep(end=end, reason=reason)


def _told(group: frozenset[str]) -> str:
    return compact(group)
