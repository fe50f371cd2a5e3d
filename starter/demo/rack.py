"""The rack of the Slurm demo: what the simulated hardware does to a host, its slurmd feels.

Follows the hardware's journal: when a reboot starts, the node's slurmd and job processes are killed; when the host is
up, slurmd starts as a new boot. So Slurm sees reboots as it does from real machines.
"""

from pathlib import Path

from drivers.simulated.cluster import SimulatedCluster
from starter.demo.background import Background
from starter.demo.loopback_slurm import LoopbackSlurm

_LOOK_EVERY = 0.1


class Rack(Background):
    """Joins a loopback Slurm to the simulated hardware in `state` while used as a context."""

    def __init__(self, slurm: LoopbackSlurm, state: Path) -> None:
        super().__init__("rack", _LOOK_EVERY)
        self._slurm, self._state = slurm, state
        self._seq = 0
        self.reboots: list[str] = []
        """Hosts that came back from a reboot, in order."""

    def look(self) -> None:
        """Do to the nodes what the hardware did since the last look."""
        if not self._state.exists():
            return
        hardware = SimulatedCluster.at(self._state)
        try:
            self._catch_up(hardware)
        finally:
            hardware.close()

    def _catch_up(self, hardware: SimulatedCluster) -> None:
        for row in hardware.journal(self._seq):
            self._seq = row.seq
            if row.host not in self._slurm.nodes:
                continue
            if row.kind in ("reboot_started", "power_cycle_started", "reimage_started"):
                self._slurm.kill_slurmd(row.host, jobs=True)
            elif row.kind == "host_up" and self._slurm.slurmd_pid(row.host) is None:
                self._slurm.start_slurmd(row.host, boot=True)
                self.reboots.append(row.host)
