"""How large a bench run is, and the fleet it works on: simulated hosts whose drivers answer at once."""

from dataclasses import dataclass, field
from typing import Any

CLUSTER = "bench"
STATE = "bench.sqlite"
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
    observe_every: str = "5s"

    @property
    def visits(self) -> int:
        """Host visits of one round."""
        return self.pools * self.hosts

    @property
    def pool_names(self) -> tuple[str, ...]:
        """One train each."""
        return tuple(f"pool{n}" for n in range(1, self.pools + 1))

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
        return {"version": 1, "clusters": [self._cluster()]}

    def _cluster(self) -> dict[str, Any]:
        return {
            "name": CLUSTER,
            "drivers": self._drivers(),
            "stack": {
                "layers": ["device-firmware", "driver", "nccl"],
                "split": "driver",
                "reboot_duration": "0s",
                "components": [
                    {"name": "nic-firmware", "layer": "device-firmware", "duration": "0s", "reboot": True},
                    {"name": "gpu-driver", "layer": "driver", "duration": "0s", "reboot": True, "relates_to": ["nccl"]},
                    {"name": "nccl", "layer": "nccl", "duration": "0s"},
                ],
            },
            "pins": {"nccl": "2.21"},
            "matrix": [{"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.21"}}],
            "observe_every": self.plan.observe_every,
            "pools": [self._pool(name) for name in self.plan.pool_names],
        }

    def _drivers(self) -> dict[str, Any]:
        hosts = ",".join(f"{p}-[001-{self.plan.hosts:03}]" for p in self.plan.pool_names)
        hardware = {
            "kind": "simulated",
            "state": STATE,
            "hosts": hosts,
            "hosts_per_rack": self.plan.domain,
            "hosts_per_nvlink": self.plan.domain,
            "installed": {**VERSIONS[0], "nccl": "2.21"},
            "spread": 0,
            "verify_duration": "0s",
        }
        scheduler = {"kind": "simulated", "state": STATE, "poll": "250ms", "jobs": {"load": 0}}
        return {"scheduler": scheduler, "hardware": hardware, "verifier": {"kind": "simulated"}}

    def _pool(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "hosts": {"names": f"{name}-[001-{self.plan.hosts:03}]"},
            "domain": {"size": self.plan.domain, "group_by": "rack"},
            "failure_buffer": 2,
            # Room for a domain that has returned and was not observed since: the next one need not wait for a look.
            "floor": max(0, self.plan.hosts - 2 * self.plan.domain),
            "cycle_bound": "1h",
            "drain": {"deadline": "10s", "max_returns": 1000},
            "visit_budget": "10m",
            "fabric_wait": "30s",
            "desired": VERSIONS[self.turns.get(name, 0) % len(VERSIONS)],
        }
