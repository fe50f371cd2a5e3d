"""Baselines in memory, for tests."""

from collections.abc import Mapping


class MemoryBaselines:
    """What hosts measured, while the test runs."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], dict[str, float]] = {}

    def fill(self, pool: str, metric: str, value: float, hosts: int = 20) -> None:
        """As many other hosts, all alike but for a little."""
        self._values[("c1", pool, metric)] = {f"other{n:03}": value * (1 + (n % 5 - 2) / 500) for n in range(hosts)}

    async def samples(self, cluster: str, pool: str, metric: str) -> Mapping[str, float]:
        """See the port."""
        return dict(self._values.get((cluster, pool, metric), {}))

    async def record(self, cluster: str, pool: str, metric: str, host: str, value: float) -> None:
        """See the port."""
        self._values.setdefault((cluster, pool, metric), {})[host] = value
