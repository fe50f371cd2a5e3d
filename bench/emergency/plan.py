"""The fleet of the emergency bench: simulated hosts, and a train whose visits take a while."""

from dataclasses import dataclass
from typing import Any

CLUSTER, POOL = "bench", "gpu"
STATE = "bench.sqlite"
COMPONENT, INSTALLED = "gpu-driver", "550.1"


@dataclass(frozen=True)
class EmergencyPlan:
    """Sizes."""

    hosts: int = 1000
    domain: int = 50
    whole: int = 200
    """Hosts of the last emergency, which goes on to its end."""
    trials: int = 5
    """Of each kind: with room for it at once, and with the buffer full."""
    flash: str = "5s"
    """Time of each of the two upgrades that the train brings, with a safe point between them."""
    observe_every: str = "15s"

    def fleet(self, domains_out: int) -> dict[str, Any]:
        """The fleet file as a document; so many domains may be out by plan."""
        flash = {"layer": "firmware", "duration": self.flash}
        cluster = {
            "name": CLUSTER,
            "drivers": self._drivers(),
            "stack": {
                "layers": ["firmware", "driver", "nccl"],
                "split": "driver",
                "reboot_duration": "0s",
                "components": [
                    {"name": "bmc", **flash},
                    {"name": "bios", **flash},
                    {"name": COMPONENT, "layer": "driver", "duration": "0s", "reboot": True, "relates_to": ["nccl"]},
                    {"name": "nccl", "layer": "nccl", "duration": "0s"},
                ],
            },
            "pins": {"nccl": "2.21"},
            "desired": {"bmc": "1.1", "bios": "1.1"},
            "matrix": [{"components": {COMPONENT: "550.*"}, "pins": {"nccl": "2.21"}}],
            "observe_every": self.observe_every,
            "pools": [self._pool(domains_out)],
        }
        return {"version": 1, "clusters": [cluster]}

    def spec(self, number: int, hosts: int) -> dict[str, Any]:
        """The n-th emergency's spec as a document: another version of the driver, on so many hosts."""
        upgrade = {"component": COMPONENT, "version": f"550.{number + 1}"}
        names = {"names": f"gpu[0001-{hosts:04}]"}
        return {"name": f"trial{number}", "cluster": CLUSTER, "upgrades": [upgrade], "hosts": names, "width": 1}

    def _drivers(self) -> dict[str, Any]:
        hardware = {
            "kind": "simulated",
            "state": STATE,
            "hosts": f"gpu[0001-{self.hosts:04}]",
            "hosts_per_rack": self.domain,
            "hosts_per_nvlink": self.domain,
            "installed": {"bmc": "1.0", "bios": "1.0", COMPONENT: INSTALLED, "nccl": "2.21"},
            "spread": 0,
            "verify_duration": "0s",
        }
        scheduler = {"kind": "simulated", "state": STATE, "poll": "250ms", "jobs": {"load": 0}}
        return {"scheduler": scheduler, "hardware": hardware, "verifier": {"kind": "simulated"}}

    def _pool(self, domains_out: int) -> dict[str, Any]:
        return {
            "name": POOL,
            "hosts": {"names": f"gpu[0001-{self.hosts:04}]"},
            "domain": {"size": self.domain, "group_by": "rack"},
            "planned_buffer": domains_out * self.domain,
            "failure_buffer": 10,
            "cycle_bound": "12h",
            "drain": {"deadline": "10m", "max_returns": 1000},
            "visit_budget": "10m",
            "fabric_wait": "30s",
        }
