"""Control trials that wait to be compared. Each is spent once, newest first, in chunks, and never looked at before.

That is what keeps blame's bound exact: which trials a comparison gets depends on exposures and times only, not on how
they ended. A share of what waits is taken at a time, so that a thin supply lasts through a rollout.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from fleet.models.blame import HostRecord, Trial
from fleet.models.blame_rule import BlameRule
from fleet.models.blame_state import Chunk, Pool


class Exposure(NamedTuple):
    """What some trials come to together."""

    trials: int
    exposure: float
    weight: float
    failures: int
    weak: int = 0
    """Those of the failures that no bound is known for."""


def relative_rate(record: HostRecord, rule: BlameRule) -> float:
    """How many times the usual rate a host fails, by its own record, shrunk towards 1.

    The posterior mean of a gamma spread of hosts' rates with mean 1 (Efron and Morris' kind of shrinkage): one failure
    in a few visits is not yet a bad host, four are.
    """
    return (rule.host_spread + record.failures) / (rule.host_spread + record.visits * rule.usual_failures)


def total(trials: Iterable[Trial], rule: BlameRule) -> Exposure:
    """Add trials up."""
    count, exposure, weight, failures, weak = 0, 0.0, 0.0, 0, 0
    for trial in trials:
        count, exposure, failures, weak = count + 1, exposure + trial.days, failures + trial.failed, weak + trial.weak
        weight += trial.days * relative_rate(trial.record, rule)
    return Exposure(count, exposure, weight, failures, weak)


class Waiting:
    """A pool while trials are put into it and drawn from it."""

    def __init__(self, pool: Pool, rule: BlameRule) -> None:
        self._pool, self._rule = pool, rule
        self._chunks = deque(pool.chunks)
        self.exposure = sum(chunk.exposure for chunk in pool.chunks)

    def put(self, trials: Iterable[Trial]) -> None:
        """Add trials, oldest first."""
        for t in trials:
            self.add(Chunk(1, t.days, t.days * relative_rate(t.record, self._rule), int(t.failed), t.at))

    def add(self, one: Chunk) -> None:
        """Add one trial, told as a chunk, to the chunk that is being filled."""
        self.exposure += one[1]
        chunks = self._chunks
        if chunks and chunks[-1][0] < self._rule.chunk:
            last = chunks[-1]
            newest = max(last[4], one[4])
            chunks[-1] = Chunk(last[0] + one[0], last[1] + one[1], last[2] + one[2], last[3] + one[3], newest)
            return
        chunks.append(one)
        if len(chunks) > self._rule.most_chunks:
            self._drop_oldest()

    def draw(self, trials: int, exposure: float, now: datetime) -> Exposure | None:
        """Take the control for `trials` trials with `exposure` in all; where it is too thin, None and take nothing."""
        while self._chunks and self._chunks[0].newest < now - self._rule.oldest_control:
            self._drop_oldest()
        least = self._rule.thin * exposure
        if not self._chunks or self.exposure < least:
            return None
        share = min(1.0, self._rule.least_share * trials) * self.exposure
        most = self._rule.controls_per_visit if self._pool.kind == "visit" else self._rule.controls_per_day
        want = max(least, min(most * exposure, share))
        count, found, weight, failures = 0, 0.0, 0.0, 0
        while self._chunks and found < want:
            chunk = self._chunks.pop()
            count, found = count + chunk.trials, found + chunk.exposure
            weight, failures = weight + chunk.weight, failures + chunk.failures
        # Anew when empty: what sums leave behind by rounding must not look like control.
        self.exposure = self.exposure - found if self._chunks else 0.0
        return Exposure(count, found, weight, failures)

    def frozen(self) -> Pool:
        """What waits now."""
        return self._pool.model_copy(update={"chunks": tuple(self._chunks)})

    def _drop_oldest(self) -> None:
        self.exposure -= self._chunks.popleft().exposure
