"""The port to what the hosts of a pool measured so far."""

from collections.abc import Mapping
from typing import Protocol


class Baselines(Protocol):
    """The newest measurement of every host, by cluster, pool and metric. Raises `DriverError` when it can't be had."""

    async def samples(self, cluster: str, pool: str, metric: str) -> Mapping[str, float]:
        """The newest value of each host that has one, by host."""
        ...

    async def record(self, cluster: str, pool: str, metric: str, host: str, value: float) -> None:
        """Note a host's newest value; the one before is replaced, so a repeated call changes nothing."""
        ...
