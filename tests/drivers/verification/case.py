"""Hosts on loopback with doubles of the tools, reached by a real sshd, and the verifier over them."""

from typing import Any

from drivers.ssh import SshRemote
from drivers.verification import ToolVerifier
from fleet.models.ssh import Ssh
from fleet.models.verifiers import ToolsVerifier
from tests.drivers.contract.case import VerifierCase
from tests.drivers.verification.baselines import MemoryBaselines
from tests.emulators.hosts import HostFarm

LEVELS = {
    "nvbandwidth/host_to_device_memcpy_ce": 55.2,
    "nvbandwidth/device_to_host_memcpy_ce": 55.1,
    "gemm_tflops": 688.5,
    "nccl/busbw": 343.0,
}
OPTIONS: dict[str, Any] = {
    "kind": "tools",
    "health": [
        {"kind": "dcgm", "level": 2, "within": "10s"},
        {"kind": "nvidia_smi", "nvlinks": 18, "within": "10s"},
        {"kind": "xid", "within": "10s"},
    ],
    "performance": [
        {"kind": "nvbandwidth", "within": "10s"},
        {"kind": "gemm", "program": ["gemm"], "within": "10s"},
        {"kind": "nccl", "within": "10s"},
    ],
    "fabric": [{"kind": "nccl_tests", "launcher": {"kind": "mpirun"}, "minimum": 200, "within": "10s"}],
}


class ToolCase(VerifierCase):
    """The first two hosts of a farm."""

    def __init__(self, farm: HostFarm, **changes: Any) -> None:
        self.farm, self.baselines = farm, MemoryBaselines()
        self.hosts = (farm.hosts[0], farm.hosts[1])
        for metric, level in LEVELS.items():
            self.baselines.fill("train", metric, level)
        self.remote = SshRemote(Ssh.model_validate(farm.options()))
        options = ToolsVerifier.model_validate(OPTIONS | changes)
        self.verifier = ToolVerifier(options, self.remote, self.baselines, "c1")

    async def break_health(self, host: str) -> None:
        self.farm.fault(host, "gpu_sick")

    async def slow_gpu(self, host: str) -> None:
        self.farm.fault(host, "gpu_slow")

    async def remove_tool(self, host: str) -> None:
        self.farm.fault(host, "missing", about="dcgmi")

    async def close(self) -> None:
        for host in self.farm.hosts:
            self.farm.clear_faults(host)
        await self.verifier.close()
        await self.remote.close()
