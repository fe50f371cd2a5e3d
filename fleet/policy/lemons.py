"""Hosts that keep failing under different versions: whatever boards, the host is at fault.

A host is a lemon when it failed often, under different versions, and more often than any host of the fleet would by
bad luck: the Poisson tail of its failures, given its exposure and the other hosts' rate, stays below the bound shared
by all hosts (Bonferroni). Beyond the mean the Poisson tail is an upper bound for visits too (Hoeffding 1956).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from fleet.models.blame import Suspect, Trial, TrialKind
from fleet.models.blame_rule import LemonRule
from fleet.models.lemon import Lemon
from fleet.models.verification import Verdict


def lemons(
    trials: Sequence[Trial], now: datetime, blamed: Iterable[Suspect] = (), rule: LemonRule | None = None
) -> tuple[Lemon, ...]:
    """The lemons among the hosts of `trials`, the least explicable first.

    Hardware findings count here, inconclusive trials don't, and what was seen while `blamed` versions were on the host
    is theirs: such trials are left out. Linear in the trials.
    """
    rule = rule or LemonRule()
    bad = set(blamed)
    by_host: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        in_time = now - rule.within <= trial.at <= now
        if in_time and trial.verdict is not Verdict.INCONCLUSIVE and bad.isdisjoint(trial.versions):
            by_host[trial.host].append(trial)
    fleet = _tally(trial for its_trials in by_host.values() for trial in its_trials)
    found = [_judge(host, its_trials, fleet, len(by_host), rule) for host, its_trials in by_host.items()]
    return tuple(sorted((lemon for lemon in found if lemon), key=lambda lemon: (lemon.chance, lemon.host)))


def poisson_tail(failures: int, expected: float) -> float:
    """The chance of at least so many failures where `expected`, above 0, are expected."""
    if failures <= 0:
        return 1.0
    # Summed from the tail's first term on, so that tiny chances keep their digits.
    term = math.exp(-expected + failures * math.log(expected) - math.lgamma(failures + 1))
    total, k = 0.0, failures
    while term > total * 1e-17 or k < expected:
        total, k = total + term, k + 1
        term *= expected / k
    return min(1.0, total)


class _Tally(NamedTuple):
    """Exposure and failures of each kind."""

    visits: float
    days: float
    failed_visits: int
    failed_in_production: int

    @property
    def failures(self) -> int:
        return self.failed_visits + self.failed_in_production


def _tally(trials: Iterable[Trial]) -> _Tally:
    visits, days, in_visits, in_production = 0.0, 0.0, 0, 0
    for trial in trials:
        failed = trial.verdict is Verdict.FAILED
        if trial.kind is TrialKind.VISIT:
            visits, in_visits = visits + 1, in_visits + failed
        else:
            days, in_production = days + trial.days, in_production + failed
    return _Tally(visits, days, in_visits, in_production)


def _judge(host: str, trials: Sequence[Trial], fleet: _Tally, hosts: int, rule: LemonRule) -> Lemon | None:
    own = _tally(trials)
    failed = [trial for trial in trials if trial.verdict is Verdict.FAILED]
    under = sorted({tuple(sorted(t.versions, key=str)) for t in failed}, key=str)
    if len(failed) < rule.least_failures or len(under) < rule.least_versions:
        return None
    # One failure more than the other hosts had: a rate seen to be 0 is not known to be 0.
    expected = own.visits * (fleet.failed_visits - own.failed_visits + 1) / (fleet.visits - own.visits + 1)
    more = (fleet.failed_in_production - own.failed_in_production + 1) / (fleet.days - own.days + 1)
    expected += own.days * more
    chance = poisson_tail(len(failed), expected)
    if chance > rule.false_lemons / hosts:
        return None
    by_hardware = sum(trial.hardware_failed for trial in failed)
    return Lemon(
        host=host,
        failures=len(failed),
        hardware_findings=by_hardware,
        visits=int(own.visits),
        days=own.days,
        under=tuple(under),
        chance=chance,
        reason=f"{host} failed {len(failed)} times ({by_hardware} by hardware findings) in {own.visits:.0f} visits and "
        f"{own.days:.4g} days, under {len(under)} different sets of versions, where the other hosts' rate expects "
        f"{expected:.2g}: the chance of that is {chance:.1g}",
    )
