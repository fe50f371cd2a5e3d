"""Hosts with an sshd, doubles of the tools and a BMC each, and the settings that a fleet file reaches them by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.drivers.redfish.build import options as redfish_options
from tests.drivers.redfish.build import rules
from tests.emulators.bmc import Farm, Fault, Hardware, Member, hgx_members, start_farm
from tests.emulators.hosts import HostFarm, start_hosts

NCCL = "2.21.5"
WITHIN = "30s"
TOOLS: dict[str, Any] = {
    "kind": "tools",
    "health": [
        {"kind": "dcgm", "level": 2, "within": WITHIN},
        {"kind": "nvidia_smi", "nvlinks": 18, "within": WITHIN},
        {"kind": "xid", "within": WITHIN},
    ],
    "performance": [
        {"kind": "nvbandwidth", "within": WITHIN, "baseline": {"minimum": 50}},
        {"kind": "gemm", "program": ["gemm"], "within": WITHIN, "baseline": {"minimum": 600}},
        {"kind": "nccl", "within": WITHIN, "baseline": {"minimum": 300}},
    ],
    "fabric": [{"kind": "nccl_tests", "launcher": {"kind": "mpirun"}, "minimum": 200, "within": WITHIN}],
}
"""Every provider with a minimum of its own, since a new pool has nobody to be compared with."""


@dataclass(frozen=True)
class RealHosts:
    """Both farms, over the same hosts."""

    hosts: HostFarm
    bmcs: Farm
    folder: Path

    def hardware(self, **redfish: Any) -> dict[str, Any]:
        """Settings of `drivers.hardware`: two components by SSH, four by the BMC, and nccl, which is only read."""
        nccl = {"argv": ["cat", "nccl.h"], "version_pattern": r"^#define NCCL_VERSION (?P<version>\S+)$"}
        components = {
            "dcgm": {"kind": "ready", "name": "apt-dcgm"},
            "gpu-driver": {"kind": "ready", "name": "apt-nvidia-driver", "parameters": {"proc": "proc"}},
            "nccl": {"kind": "probe", "probe": nccl},
        }
        secrets = {name: {"file": str(self.folder / name)} for name in ("user", "password")}
        model = {"components": [rule for rule in rules() if rule["component"] != "fpga"]}
        by_bmc = redfish_options(self.bmcs, self.folder, model, **secrets, **redfish)
        return {
            "kind": "hosts",
            "ssh": self.hosts.options(components=components),
            "redfish": by_bmc.model_dump(mode="json", exclude_unset=True),
        }

    def versions(self, host: str) -> dict[str, str]:
        """What really runs there, as the farms have it."""
        firmware, state = self.bmcs.versions(host), self.hosts.state(host)
        return {
            "bmc": firmware["BMC"],
            "nic-firmware": firmware["NIC_0"],
            "dcgm": state["packages"]["datacenter-gpu-manager"],
            "gpu-driver": state["running"]["driver"],
        }


@contextmanager
def start_real_hosts(
    folder: Path, names: Sequence[str], faults: Sequence[Fault] = (), slow: Sequence[str] = ()
) -> Iterator[RealHosts]:
    """Hosts that are up, in a fresh folder. `slow`: those whose BMC takes five seconds for a flash."""
    make = {name: _made("5s" if name in slow else "400ms") for name in names}
    (folder / "options").mkdir(parents=True)
    with start_hosts(folder / "farm", names) as hosts:
        for name in names:
            (hosts.root(name) / "nccl.h").write_text(f"#define NCCL_VERSION {NCCL}\n")
        bmcs = start_farm(folder / "bmcs", names, faults=faults, hosts_root=hosts.folder / "hosts", hardware=make)
        with bmcs:
            yield RealHosts(hosts, bmcs, folder / "options")


def _made(flash: str) -> Hardware:
    members = tuple(Member.model_validate(m.model_dump() | {"flash": flash}) for m in hgx_members())
    return Hardware(members=members, manager_boot=timedelta(milliseconds=500), boot=timedelta(milliseconds=500))
