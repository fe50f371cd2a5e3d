"""The scenario's fleet: four kinds of capacity in one simulated cluster, with what fails by itself."""

from dataclasses import dataclass
from typing import Any

from fleet.hostlist import compact

CLUSTER, STATE = "sim", "scenario.sqlite"
RACK = 8
"""Hosts of a rack, whatever pool they are of."""
LARGE = 1000
"""Hosts from which on domains are twice as wide."""
URGENT = "550.3"
"""The driver version that the emergency brings."""


@dataclass(frozen=True)
class Share:
    """One pool: its hosts are `prefix0001` and on."""

    name: str
    prefix: str
    hosts: int
    domain: int
    planned: int
    failed: int

    @property
    def members(self) -> tuple[str, ...]:
        """Its hosts."""
        return tuple(f"{self.prefix}{number:04}" for number in range(1, self.hosts + 1))

    @property
    def beyond(self) -> int:
        """The planned buffer that the emergency names: room for two more domains."""
        return self.planned + 2 * self.domain


def shares(hosts: int) -> tuple[Share, ...]:
    """The pools of a fleet of about so many hosts: whole racks, at least two each, and about twenty-five domains in the
    largest, so that a scenario at full size takes minutes.
    """
    wide = 2 if hosts >= LARGE else 1

    def racks(share: float) -> int:
        return max(2, round(hosts * share / RACK)) * RACK

    return (
        Share("training", "gpu", racks(0.6), wide * 3 * RACK, wide * 9 * RACK, racks(0.05)),
        Share("inference", "inf", racks(0.2), wide * RACK, wide * 3 * RACK, racks(0.02)),
        Share("compute", "cpu", racks(0.12), wide * RACK, wide * 3 * RACK, racks(0.02)),
        Share("storage", "sto", racks(0.08), wide * RACK, wide * 2 * RACK, racks(0.02)),
    )


def hosts_of(pools: tuple[Share, ...]) -> tuple[str, ...]:
    """Every host, in the order of the racks."""
    return tuple(host for pool in pools for host in pool.members)


def document(pools: tuple[Share, ...], seed: int) -> dict[str, Any]:
    """The fleet file: times are of real seconds, so that the whole takes minutes."""
    every = hosts_of(pools)
    hostlist = compact(every)
    stack = {
        "layers": ["device-firmware", "driver", "nccl"],
        "split": "driver",
        "reboot_duration": "4s",
        "components": [
            {"name": "nic-firmware", "layer": "device-firmware", "duration": "4s", "reboot": True},
            {"name": "gpu-driver", "layer": "driver", "duration": "4s", "reboot": True, "relates_to": ["nccl"]},
            {"name": "nccl", "layer": "nccl", "duration": "2s"},
        ],
    }
    cluster = {
        "name": CLUSTER,
        "drivers": _drivers(hostlist, seed),
        "stack": stack,
        "pins": {"nccl": "2.21"},
        "desired": {"nic-firmware": "1.1", "gpu-driver": "550.2"},
        "matrix": [{"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.21"}}],
        "observe_every": "2s",
        "host_back_within": "60s",
        "versions_settle_within": "5s",
        "reboot_begins_within": "10s",
        "repair": {
            "ladder": {"hardware": ["retry"], "software": ["retry"], "performance": ["retry"], "unknown": ["reboot"]},
            "limits": {"per_host_per_day": 100, "per_cluster_per_day": 5000},
            "notice": {"failed_for": "5s", "window": "2m", "settle": "20s"},
        },
        "topology": {"power_feeds": {feed: {"hosts": compact(hosts)} for feed, hosts in feeds(pools).items()}},
        "pools": [_pool(share) for share in pools],
    }
    return {"version": 1, "clusters": [cluster]}


def feeds(pools: tuple[Share, ...]) -> dict[str, tuple[str, ...]]:
    """Power feed: its hosts, two racks of a pool that may lose so many at once."""
    return {
        f"{pool.prefix}-feed{number:02}": pool.members[first : first + 2 * RACK]
        for pool in pools
        if pool.planned >= 2 * RACK
        for number, first in enumerate(range(0, min(len(pool.members), 8 * RACK), 2 * RACK), 1)
    }


def _pool(share: Share) -> dict[str, Any]:
    return {
        "name": share.name,
        "hosts": {"names": compact(share.members)},
        "domain": {"size": share.domain, "group_by": "rack"},
        "planned_buffer": share.planned,
        "failure_buffer": share.failed,
        "floor": max(0, share.hosts - share.planned - share.failed),
        "cycle_bound": "2h",
        "drain": {"deadline": "6s"},
        "visit_budget": "2m",
        "verify_duration": "4s",
        "fabric_wait": "40s",
        "reserve_after": "60s",
        "autostop": {"settle": "5s", "stale_after": "60s", "inconclusive_hosts": 100},
    }


def _drivers(hostlist: str, seed: int) -> dict[str, Any]:
    jobs = {"load": 0.6, "sizes": {1: 0.5, 4: 0.3, 16: 0.2}, "mean": "90s", "requeueable": 1.0, "interactive": 0}
    faults = [
        {"kind": "health_fails", "rate": 0.01},
        {"kind": "flash_fails", "rate": 0.004},
        {"kind": "version_unchanged", "rate": 0.002},
        {"kind": "host_not_back", "rate": 0.002},
    ]
    return {
        "scheduler": {"kind": "simulated", "state": STATE, "poll": "500ms", "jobs": jobs},
        "hardware": {
            "kind": "simulated",
            "state": STATE,
            "seed": seed,
            "hosts": hostlist,
            "hosts_per_rack": RACK,
            "hosts_per_nvlink": RACK,
            "installed": {"nic-firmware": "1.0", "gpu-driver": "550.1", "nccl": "2.21"},
            "verify_duration": "1s",
            "faults": faults,
        },
        "verifier": {"kind": "simulated"},
    }
