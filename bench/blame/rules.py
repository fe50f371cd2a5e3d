"""The rules that blame is measured beside. Each says, by scenario, at which host of the order it stops the rollout."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

Hits = NDArray[np.bool_]
Stops = NDArray[np.int64]
"""The host at which a rollout is stopped, counted from 0; the number of hosts where it never is."""
IN_A_ROW = 3
GATE, GATE_FROM = 0.05, 20
PHASES = (60, 150, 500, 2000)


def first(hits: Hits) -> Stops:
    """Where a rule first says stop."""
    return np.where(hits.any(axis=1), hits.argmax(axis=1), hits.shape[1])


def in_a_row(failed: Hits) -> Stops:
    """Naive: so many hosts fail one after another."""
    run = failed.copy()
    for back in range(1, IN_A_ROW):
        run[:, back:] &= failed[:, :-back]
        run[:, :back] = False
    return first(run)


def gate_at_phase_end(failed: Hits) -> Stops:
    """A fixed failure rate, asked at the end of each phase of its hosts."""
    says = np.zeros_like(failed)
    begin = 0
    for end in (e for e in PHASES if e <= failed.shape[1]):
        says[:, end - 1] = failed[:, begin:end].mean(axis=1) > GATE
        begin = end
    return first(says)


def gate_running(failed: Hits) -> Stops:
    """The same rate asked after each host, once the phase has had enough of them."""
    says = np.zeros_like(failed)
    begin = 0
    for end in PHASES:
        part = failed[:, begin:end]
        counted = np.arange(1, part.shape[1] + 1)
        says[:, begin:end] = (part.cumsum(axis=1) > GATE * counted) & (counted >= GATE_FROM)
        begin = end
    return first(says)


def known_rates(failed: Hits, usual: float, bad: float, counts: Hits, false_alarms: float) -> Stops:
    """Wald's test, told both rates and which hosts are concerned: looking always, no rule needs fewer on average."""
    each = np.where(failed, np.log(bad / usual), np.log((1 - bad) / (1 - usual)))
    return first((each * counts).cumsum(axis=1) >= -np.log(false_alarms))


def one_look(hosts: int, usual: float, bad: float, false_alarms: float) -> float:
    """Neyman and Pearson's bound: the most chance to detect with both rates known, looking once, after `hosts`."""
    least = next(k for k in range(hosts + 1) if binom.sf(k - 1, hosts, usual) <= false_alarms)
    # Randomised at the boundary, so that the whole chance of a false alarm is used.
    rest = (false_alarms - binom.sf(least - 1, hosts, usual)) / binom.pmf(least - 1, hosts, usual) if least else 0.0
    return float(binom.sf(least - 1, hosts, bad) + rest * binom.pmf(least - 1, hosts, bad))


def harmed(failed: Hits, stop: Stops) -> float:
    """Hosts that failed up to the stop, mean over scenarios; of all simulated where it never comes."""
    until = np.arange(failed.shape[1])[None, :] <= stop[:, None]
    return round(float((failed & until).sum(axis=1).mean()), 2)


def share(hits: int, of: int) -> dict[str, float]:
    """A share with its 95% interval (Clopper and Pearson)."""
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return {"share": round(hits / of, 5), "low": round(low, 5), "high": round(high, 5)}
