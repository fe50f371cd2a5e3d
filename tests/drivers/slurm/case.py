"""The contract suite's hands on a real Slurm, and a folder of stand-in commands through which the driver reaches it.

The stand-ins count readings and can answer badly; else they hand over to the real command.
"""

import asyncio
import time
from pathlib import Path

from drivers.slurm import SlurmDriver
from drivers.slurm.standing import UNEXPECTED_REBOOT
from fleet.models.drivers import SlurmScheduler
from starter.demo import slurm_daemons
from starter.demo.loopback_slurm import LoopbackSlurm
from tests.drivers.contract.case import ContractCase, Trouble
from tests.drivers.slurm.waiting import call, running, shown_down, state_of, until

_STAND_IN = """\
#!/bin/sh
[ "$0" = {folder}/sinfo ] && echo >> {folder}/readings
case "$(cat {folder}/mode 2>/dev/null)$0" in
garbage{folder}/sinfo) echo 'slurm_load_node: *** stack smashing'; exit 0;;
partial{folder}/sinfo) echo '{{"errors": [], "nodes": []}}'; exit 0;;
esac
exec {program} "$@"
"""


def stand_ins(folder: Path) -> Path:
    """Fill `folder` with stand-ins for every command that the driver uses."""
    for name in ("scontrol", "sinfo", "squeue", "scancel", "sbatch", "sacct"):
        script = folder / name
        script.write_text(_STAND_IN.format(folder=folder, program=slurm_daemons.program(name)))
        script.chmod(0o755)
    return folder


class SlurmCase(ContractCase):
    """A loopback Slurm as the contract suite sees it."""

    patience = 20.0

    def __init__(self, cluster: LoopbackSlurm, folder: Path) -> None:
        self._cluster, self._folder = cluster, stand_ins(folder)
        options = {"kind": "slurm", "conf": str(cluster.conf), "bin": str(folder), "timeout": "15s", "poll": "2s"}
        self.scheduler = SlurmDriver(SlurmScheduler.model_validate(options))
        self.hosts = cluster.nodes

    async def start_job(self, hosts: tuple[str, ...], *, requeueable: bool = True) -> str:
        return await running(self._cluster, ",".join(hosts), requeue=requeueable)

    async def queue_job(self, hosts: tuple[str, ...]) -> str:
        return await asyncio.to_thread(self._cluster.submit, ",".join(hosts), 600)

    async def end_job(self, job: str) -> None:
        await asyncio.to_thread(self._cluster.finish, job)
        await until(lambda: state_of(self._cluster, job) == "COMPLETED")

    async def fail_job(self, job: str) -> None:
        await asyncio.to_thread(self._cluster.finish, job, 3)
        await until(lambda: state_of(self._cluster, job) == "FAILED")

    async def hold_by_user(self, job: str) -> None:
        for verb in ("release", "uhold"):  # a hold beside ours leaves no trace
            await asyncio.to_thread(self._cluster.command, "scontrol", verb, job)

    async def kill_daemon(self, host: str) -> None:
        await asyncio.to_thread(self._cluster.kill_slurmd, host)
        await shown_down(self._cluster, host)

    async def drain_by_other(self, host: str, reason: str) -> None:
        await call(self._cluster, "scontrol", "update", f"nodename={host}", "state=DRAIN", f"reason={reason}")

    async def undrain_by_other(self, host: str) -> None:
        await call(self._cluster, "scontrol", "update", f"nodename={host}", "state=UNDRAIN")

    async def leave_down(self, host: str) -> None:
        # slurmctld keeps a drain's reason when it finds that the node was rebooted; an administrator must repeat it.
        shown = (await self.scheduler.view(time.monotonic())).nodes[host]
        reason = shown.reason or UNEXPECTED_REBOOT
        await call(self._cluster, "scontrol", "update", f"nodename={host}", "state=DOWN", f"reason={reason}")

    async def set_comment(self, host: str, comment: str) -> None:
        await call(self._cluster, "scontrol", "update", f"nodename={host}", f"comment={comment}")

    async def set_features(self, host: str, features: tuple[str, ...]) -> None:
        names = ",".join(features)
        await call(
            self._cluster,
            "scontrol",
            "update",
            f"nodename={host}",
            f"AvailableFeatures={names}",
            f"ActiveFeatures={names}",
        )

    async def trouble(self, kind: Trouble | None) -> None:
        if kind == "unreachable":
            await asyncio.to_thread(self._cluster.stop_slurmctld)
        elif kind is None:
            await asyncio.to_thread(self._cluster.start_if_dead)
        (self._folder / "mode").write_text(kind or "")

    async def signals(self, job: str) -> tuple[str, ...]:
        return tuple("USR1" for told in self._cluster.told() if told == job)

    async def readings(self) -> int:
        count = self._folder / "readings"
        return len(count.read_text().splitlines()) if count.exists() else 0

    async def close(self) -> None:
        await self.scheduler.close()
