"""The configuration of a loopback Slurm: one slurmctld and its slurmds on free ports, everything inside one folder.

Short timers make a demo brisk: a requeued job may start again after 5 s, a finished one is listed for 60 s.
"""

import getpass
import socket
from dataclasses import dataclass
from pathlib import Path

_CPUS = 8
_MAX_FOLDER = 70
"""Slurm and munge put Unix sockets into the folder, and such a path may have no more than 107 characters."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of a loopback Slurm lie."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> "Layout":
        """The layout of a folder. Raises ValueError when its path is too long for sockets."""
        whole = folder.absolute()
        if len(str(whole)) > _MAX_FOLDER:
            raise ValueError(
                f"{whole}: expected a path of at most {_MAX_FOLDER} characters, for Unix sockets lie in it"
            )
        return cls(whole)

    @property
    def conf(self) -> Path:
        """What SLURM_CONF names."""
        return self.folder / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        """The socket of the cluster's own munged."""
        return self.folder / "munge" / "socket"

    def pid_file(self, daemon: str) -> Path:
        """Pid file of `slurmctld`, `munged` or of a node's slurmd (by node name)."""
        return self.folder / "pids" / f"{daemon}.pid"

    def spool(self, node: str) -> Path:
        """A slurmd's spool folder."""
        return self.folder / "spool" / node


def node_names(count: int) -> tuple[str, ...]:
    """`gpu001`, `gpu002` and so on."""
    return tuple(f"gpu{n:03d}" for n in range(1, count + 1))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def slurm_conf(layout: Layout, nodes: tuple[str, ...], slurmd_timeout: int) -> str:
    """Text of slurm.conf, with ports chosen now."""
    ports = free_ports(len(nodes) + 1)
    user = getpass.getuser()
    folder = layout.folder
    head = f"""\
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket},cred_expire=5
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={layout.pid_file("slurmctld")}
SlurmdPidFile={folder}/pids/%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000,bf_interval=2
ReturnToService=1
JobRequeue=1
SlurmdTimeout={slurmd_timeout}
SlurmctldTimeout=30
MessageTimeout={max(2, min(10, slurmd_timeout - 1))}
TCPTimeout=1
InactiveLimit=0
KillWait=2
MinJobAge=60
WaitTime=0
"""
    lines = [
        f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={_CPUS} RealMemory=1000"
        for name, port in zip(nodes, ports[1:], strict=True)
    ]
    partition = f"PartitionName=train Nodes={','.join(nodes)} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO"
    return head + "\n".join(lines) + "\n" + partition + "\n"


CGROUP_CONF = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
"""Where a machine has no /sys/fs/cgroup, slurmd dies without the first line."""
