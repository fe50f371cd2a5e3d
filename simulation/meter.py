"""What is measured on the way: hosts up, planned and failed over time, exactly, and as curves for pictures."""

from collections.abc import Sequence

from simulation.scenario import Scenario


class Meter:
    """Integrates counts over time. `now` never goes back."""

    def __init__(self, scenario: Scenario) -> None:
        promised = scenario.limits()
        self.floor = [limit.floor for limit in promised]
        self.up_in = [limit.members for limit in promised]
        """By pool."""
        self.planned_in = [0] * len(promised)
        self.most_planned_in = [0] * len(promised)
        self.up, self.planned, self.failed = scenario.hosts, 0, 0
        self.least_up = scenario.hosts
        self.sums = [0.0, 0.0, 0.0]
        """Host-seconds up, planned, failed."""
        self.below = sum(int(up < floor) for up, floor in zip(self.up_in, self.floor, strict=True))
        """Pools that are below their floor."""
        self.below_s = 0.0
        """Time below the floor, of all pools together."""
        self.least_margin = min(up - floor for up, floor in zip(self.up_in, self.floor, strict=True))
        self.curves: list[list[float]] = []
        """A row a point: least up, means of up, planned and failed, and hosts busy at its end."""
        self._last = self._point_began = 0.0
        self._sums_then = [0.0, 0.0, 0.0]
        self._least_since = scenario.hosts

    def moved(self, now: float, pool: int, counts: Sequence[int]) -> None:
        """Hosts of a pool changed sets: differences of up, planned and failed."""
        self._to(now)
        up, planned, failed = counts
        floor, before = self.floor[pool], self.up_in[pool]
        after = self.up_in[pool] = before + up
        self.below += (after < floor) - (before < floor)
        self.least_margin = min(self.least_margin, after - floor)
        out = self.planned_in[pool] = self.planned_in[pool] + planned
        self.most_planned_in[pool] = max(self.most_planned_in[pool], out)
        self.up += up
        self.planned += planned
        self.failed += failed
        self.least_up = min(self.least_up, self.up)
        self._least_since = min(self._least_since, self.up)

    def point(self, now: float, busy: int) -> None:
        """End a point of the curves, and begin the next."""
        self._to(now)
        length = now - self._point_began
        means = [(total - then) / length for total, then in zip(self.sums, self._sums_then, strict=True)]
        self.curves.append([float(self._least_since), *means, float(busy)])
        self._point_began, self._sums_then, self._least_since = now, list(self.sums), self.up

    def _to(self, now: float) -> None:
        """Count what was, up to now."""
        length = now - self._last
        if length > 0:
            self.sums[0] += self.up * length
            self.sums[1] += self.planned * length
            self.sums[2] += self.failed * length
            self.below_s += self.below * length
            self._last = now
