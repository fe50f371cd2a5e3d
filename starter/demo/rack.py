"""The rack of the Slurm demo: what the simulated hardware does to a host, its slurmd feels.

Follows the hardware's journal: when a reboot starts, the node's slurmd and job processes are killed; when the host is
up, slurmd starts as a new boot. So Slurm sees reboots as it does from real machines.
"""

import threading
from pathlib import Path
from types import TracebackType

from drivers.simulated.cluster import SimulatedCluster
from starter.demo.loopback_slurm import LoopbackSlurm

_LOOK_EVERY = 0.1


class Rack:
    """Joins a loopback Slurm to the simulated hardware in `state` while used as a context, in a thread of its own.

    Leaving the context raises what went wrong in that thread.
    """

    def __init__(self, slurm: LoopbackSlurm, state: Path) -> None:
        self._slurm, self._state = slurm, state
        self._seq = 0
        self._ended = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="rack")
        self.reboots: list[str] = []
        """Hosts that came back from a reboot, in order."""

    def __enter__(self) -> "Rack":
        """Begin to follow the journal."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop following."""
        self._ended.set()
        self._thread.join()
        if self._failed is not None and error is None:
            raise self._failed

    def _follow(self) -> None:
        try:
            while not self._state.exists():
                if self._ended.wait(_LOOK_EVERY):
                    return
            hardware = SimulatedCluster.at(self._state)
            try:
                while not self._ended.wait(_LOOK_EVERY):
                    self._catch_up(hardware)
            finally:
                hardware.close()
        except Exception as error:  # kept for the thread that leaves the context
            self._failed = error

    def _catch_up(self, hardware: SimulatedCluster) -> None:
        for row in hardware.journal(self._seq):
            self._seq = row.seq
            if row.host not in self._slurm.nodes:
                continue
            if row.kind == "reboot_started":
                self._slurm.kill_slurmd(row.host, jobs=True)
            elif row.kind == "host_up" and self._slurm.slurmd_pid(row.host) is None:
                self._slurm.start_slurmd(row.host, boot=True)
                self.reboots.append(row.host)
