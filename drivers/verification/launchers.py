"""How a program is started on a group of hosts: by mpirun on the first of them, or by Slurm in a reservation of ours.

Slurm starts nothing on drained nodes. The order keeps jobs away throughout: reserve without an end, undrain, run, drain
again with the reason there was, look, and only then let the reservation go. Whatever fails leaves it in place. Seen on
22.05: for up to a second after UNDRAIN a node reads `idle*`; srun waits for it, and no waiting job starts there.
"""

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from fleet.errors import BadAnswer, DriverError, Refused
from fleet.hostlist import compact
from fleet.ids import FABRIC_RESERVATION
from fleet.models.command import CommandResult
from fleet.models.fabric import MpirunLauncher, SlurmLauncher
from fleet.ports.remote import Remote

OWNED = "maintrain:"
_SHORT = 30.0
_DRAINED = re.compile(r"drained\$?")
_RESERVED = re.compile(r"^ReservationName=", re.MULTILINE)


class Launcher(Protocol):
    """Starts one program on several hosts, `per_host` processes on each."""

    async def run(self, group: Sequence[str], per_host: int, program: Sequence[str], within: float) -> CommandResult:
        """Run it to its end on a group. Raises what the remote raises."""
        ...


@asynccontextmanager
async def holding(
    remote: Remote, options: MpirunLauncher | SlurmLauncher, hosts: Sequence[str]
) -> AsyncIterator[Launcher]:
    """A launcher for these hosts and groups of them. Raises `DriverError` when they can't be had, or given back."""
    if isinstance(options, MpirunLauncher):
        yield _Mpirun(remote, options)
        return
    slurm = _Slurm(remote, options, sorted(hosts))
    await slurm.take()
    try:
        yield slurm
    finally:
        # A cancelled verification drains its hosts again before it ends.
        await asyncio.shield(asyncio.ensure_future(slurm.give_back()))


class _Mpirun:
    def __init__(self, remote: Remote, options: MpirunLauncher) -> None:
        self._remote, self._options = remote, options

    async def run(self, group: Sequence[str], per_host: int, program: Sequence[str], within: float) -> CommandResult:
        slots = ",".join(f"{host}:{per_host}" for host in group)
        counted = ("-np", str(per_host * len(group)), "-H", slots)
        argv = [*self._options.program, *counted, *self._options.arguments, *program]
        return await self._remote.run(group[0], argv, within)


class _Slurm:
    def __init__(self, remote: Remote, options: SlurmLauncher, hosts: list[str]) -> None:
        self._remote, self._options, self._hosts = remote, options, hosts
        digest = hashlib.sha256(",".join(hosts).encode()).hexdigest()[:12]
        self.reservation = f"{FABRIC_RESERVATION}{digest}"
        self._reasons: dict[str, str] = {}

    async def take(self) -> None:
        """Reserve the hosts and undrain them inside. Raises `Refused` unless all are drained by us."""
        self._reasons = await self._owned_reasons()
        shown = await self._slurm("scontrol", "show", "reservation", self.reservation, check=False)
        # One that an earlier run left behind holds the same hosts, by its name.
        if shown.status != 0 or not _RESERVED.search(shown.stdout):
            await self._slurm(
                "scontrol",
                "create",
                "reservation",
                f"reservationname={self.reservation}",
                "starttime=now",
                "duration=infinite",
                f"users={self._options.user}",
                "flags=maint,ignore_jobs",
                f"nodes={compact(self._hosts)}",
            )
        try:
            await self._slurm("scontrol", "update", f"nodename={compact(self._hosts)}", "state=UNDRAIN")
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self.give_back()))
            raise

    async def run(self, group: Sequence[str], per_host: int, program: Sequence[str], within: float) -> CommandResult:
        argv = (
            "srun",
            f"--reservation={self.reservation}",
            f"--nodes={len(group)}",
            f"--nodelist={compact(group)}",
            f"--ntasks={per_host * len(group)}",
            f"--ntasks-per-node={per_host}",
            f"--time={math.ceil(within / 60)}",
            "--job-name=maintrain-fabric",
            *self._options.arguments,
            *program,
        )
        return await self._remote.run(self._options.login, self._path(argv), within)

    async def give_back(self) -> None:
        """Drain again, each with the reason it had, read that back, and delete the reservation."""
        for host, reason in self._reasons.items():
            await self._slurm("scontrol", "update", f"nodename={host}", "state=DRAIN", f"reason={reason}")
        now = await self._states()
        for host, reason in self._reasons.items():
            state, found = now.get(host, ("missing", ""))
            if not state.startswith("drain") or found != reason:
                raise BadAnswer(f"{host} is {state} ({found!r}) after it was drained again: its reservation stays")
        await self._slurm("scontrol", "delete", f"reservationname={self.reservation}")

    async def _owned_reasons(self) -> dict[str, str]:
        states = await self._states()
        reasons = {}
        for host in self._hosts:
            state, reason = states.get(host, ("not in Slurm", ""))
            if not _DRAINED.fullmatch(state) or not reason.startswith(OWNED):
                told = "only hosts that we drained are measured inside Slurm, borrowed ones are not"
                raise Refused(f"{host} is {state} ({reason!r}): {told}")
            reasons[host] = reason
        return reasons

    async def _states(self) -> Mapping[str, tuple[str, str]]:
        """State and reason by host. A host of two partitions shows twice, the same."""
        told = await self._slurm("sinfo", "-h", "-N", "-n", compact(self._hosts), "-o", "%N|%T|%E")
        states = {}
        for line in told.stdout.splitlines():
            parts = line.strip().split("|", 2)
            if len(parts) != 3:  # noqa: PLR2004 - as many as the format asks for
                raise BadAnswer(f"sinfo: expected node|state|reason, found {line[:80]!r}")
            states[parts[0]] = (parts[1].lower(), parts[2])
        return states

    async def _slurm(self, *argv: str, check: bool = True) -> CommandResult:
        result = await self._remote.run(self._options.login, self._path(argv), _SHORT)
        if check and result.status != 0:
            said = (result.stderr.strip() or result.stdout.strip())[:200]
            raise DriverError(f"{' '.join(argv)[:120]}: exit status {result.status}: {said}")
        return result

    def _path(self, argv: tuple[str, ...]) -> list[str]:
        return [f"{self._options.bin}/{argv[0]}" if self._options.bin else argv[0], *argv[1:]]
