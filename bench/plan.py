"""How large a bench run is, and the fleet it works on: simulated hosts whose drivers answer at once."""

from dataclasses import dataclass, field
from typing import Any

from bench import instant

VERSIONS = ({"nic-firmware": "1.0", "gpu-driver": "550.1"}, {"nic-firmware": "1.1", "gpu-driver": "550.2"})
"""Desired by turns: so every cycle finds two upgrades and a reboot to do on every host."""
ACTIVITIES = 9
"""Of one visit of a host: drain, two applies, reboot, three verifications, gate, return."""
OPERATIONS = 8
"""Of one visit of a host, as an operator counts them: all of these but the gate."""


@dataclass(frozen=True)
class Plan:
    """Sizes of one bench run. Each pool is a train of its own, and all of them run at once."""

    pools: int = 4
    hosts: int = 50
    """Of each pool."""
    domain: int = 25
    rounds: int = 3
    stops: int = 20
    grants: int = 100
    waiting: int = 100
    """Requests that wait elsewhere while grants are timed."""
    crowd: int = 10_000
    """The same, while grants beside a crowd are timed."""
    planned: int = 75_000
    """Hosts of the very large pool whose cycle is planned."""
    observe_every: str = "5s"

    @property
    def visits(self) -> int:
        """Host visits of one round."""
        return self.pools * self.hosts

    @property
    def pool_names(self) -> tuple[str, ...]:
        """One train each."""
        return tuple(f"pool{n}" for n in range(1, self.pools + 1))

    def hostlist(self, pool: str) -> str:
        """A pool's hosts."""
        return f"{pool}-[001-{self.hosts:03}]"

    def members(self, pool: str) -> tuple[str, ...]:
        """Names of a pool's hosts."""
        return tuple(f"{pool}-{n:03}" for n in range(1, self.hosts + 1))


@dataclass
class FleetDocument:
    """The fleet file as a document; a pool's desired versions change whenever it `turn`s."""

    plan: Plan
    turns: dict[str, int] = field(default_factory=dict)

    def turn(self, *pools: str) -> None:
        """Desire the other versions in these pools."""
        for pool in pools:
            self.turns[pool] = self.turns.get(pool, 0) + 1

    def document(self) -> dict[str, Any]:
        """What a fleet file would hold."""
        plan = self.plan
        hostlist = ",".join(plan.hostlist(name) for name in plan.pool_names)
        components = {"nic-firmware": "device-firmware@1.0", "gpu-driver": "driver@550.1"}
        pools = [self._pool(name) for name in plan.pool_names]
        return instant.fleet(components, hostlist, plan.domain, plan.observe_every, pools)

    def _pool(self, name: str) -> dict[str, Any]:
        plan = self.plan
        return instant.pool(
            name,
            plan.hostlist(name),
            plan.domain,
            # Room for a domain that has returned and was not observed since: the next one need not wait for a look.
            floor=plan.hosts - 2 * plan.domain,
            cycle_bound="1h",
            drain={"deadline": "10s", "max_returns": 1000},
            desired=VERSIONS[self.turns.get(name, 0) % len(VERSIONS)],
        )
