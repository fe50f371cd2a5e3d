"""The rack of the lab: when a host goes down its slurmd dies, and when it is up again slurmd starts as a new boot."""

from starter.demo.background import Background
from starter.demo.loopback_slurm import LoopbackSlurm
from tests.emulators.hosts import HostFarm

_LOOK_EVERY = 0.1


class LabRack(Background):
    """Joins a loopback Slurm to the hosts while used as a context, whoever reboots them: themselves or their BMCs."""

    def __init__(self, slurm: LoopbackSlurm, hosts: HostFarm) -> None:
        super().__init__("rack", _LOOK_EVERY)
        self._slurm, self._hosts = slurm, hosts
        self._boots = {node: hosts.boot_id(node) for node in slurm.nodes}
        self._off: set[str] = set()

    def look(self) -> None:
        """Do to the nodes what happened to the hosts since the last look."""
        for node in self._slurm.nodes:
            down, boot = (self._hosts.root(node) / "down").exists(), self._hosts.boot_id(node)
            if not boot:
                continue  # it is just being written
            if (down or boot != self._boots[node]) and node not in self._off:
                self._slurm.kill_slurmd(node, jobs=True)
                self._off.add(node)
            if not down and boot != self._boots[node]:
                self._slurm.start_slurmd(node, boot=True)
                self._boots[node] = boot
                self._off.discard(node)
