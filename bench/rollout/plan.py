"""How large the rollout is, and the fleet it goes over: simulated hosts whose drivers answer at once."""

from dataclasses import dataclass
from typing import Any

from bench import instant

COMPONENT, PRIOR, VERSION = "gpu-driver", "550.1", "550.2"
ROLLOUT = f"{COMPONENT}/{VERSION}"


@dataclass(frozen=True)
class RolloutPlan:
    """Sizes. Each pool is a train of its own, and all of them run at once."""

    pools: int = 10
    hosts: int = 1000
    """Of each pool."""
    domain: int = 50
    canary: int = 200
    """Hosts of the first phase, over all pools."""
    early_percent: int = 20
    observe_every: str = "20s"

    @property
    def all_hosts(self) -> int:
        """Hosts of the fleet."""
        return self.pools * self.hosts

    @property
    def pool_names(self) -> tuple[str, ...]:
        """One train each."""
        return tuple(f"pool{n:02}" for n in range(1, self.pools + 1))

    def hostlist(self, pool: str) -> str:
        """A pool's hosts."""
        return f"{pool}-[0001-{self.hosts:04}]"

    def spec(self) -> dict[str, Any]:
        """The rollout's spec file as a document."""
        return {
            "component": COMPONENT,
            "version": VERSION,
            "prior": PRIOR,
            "phases": [
                {
                    "name": "canary",
                    "cohort": {"count": self.canary},
                    "min_successes": self.canary // 2,
                    "soak": "1s",
                },
                {
                    "name": "early",
                    "cohort": {"percent": self.early_percent},
                    "min_successes": self.all_hosts * self.early_percent // 200,
                    "soak": "1s",
                },
                {"name": "everywhere"},
            ],
        }

    def fleet(self) -> dict[str, Any]:
        """The fleet file as a document."""
        hostlist = ",".join(self.hostlist(name) for name in self.pool_names)
        pools = [self._pool(name) for name in self.pool_names]
        return instant.fleet({COMPONENT: f"driver@{PRIOR}"}, hostlist, self.domain, self.observe_every, pools)

    def _pool(self, name: str) -> dict[str, Any]:
        return instant.pool(
            name,
            self.hostlist(name),
            self.domain,
            # Room for domains that have returned and were not observed since: the next one need not wait for a look.
            floor=self.hosts - 5 * self.domain,
            cycle_bound="12h",
            drain={"deadline": "10m", "max_returns": 1000},
        )
