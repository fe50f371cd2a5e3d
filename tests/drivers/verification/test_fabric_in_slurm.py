"""Fabric inside a real Slurm: in a maintenance reservation of ours, on nodes that we drained, which are drained again
with their reason before the reservation goes.
"""

import getpass
import json
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.slurm import SlurmDriver
from drivers.verification import ToolVerifier
from fleet.errors import BadAnswer
from fleet.models.command import CommandResult
from fleet.models.drivers import SlurmScheduler
from fleet.models.verification import Verdict, VerificationTask
from fleet.models.verifiers import ToolsVerifier
from fleet.policy.draining import DrainState, still_ours
from fleet.ports.fence import open_fence
from tests.drivers.verification.baselines import MemoryBaselines
from tests.drivers.verification.local import LocalRemote
from tests.parts.slurm import slurm, slurm_session

__all__ = ["slurm", "slurm_session"]

TOOLS = Path(__file__).parents[2] / "emulators" / "hosts" / "tools"
HOSTS = ("gpu001", "gpu002", "gpu003", "gpu004")


def reason(host: str) -> str:
    return f"maintrain:planned:visit-{host}"


class Watched(LocalRemote):
    """Looks at Slurm at every run of the program, and may refuse a command."""

    def __init__(self, slurm, folder: Path) -> None:
        self.slurm, self.seen, self.refused = slurm, [], ""
        self.driver = SlurmDriver(SlurmScheduler(kind="slurm", conf=str(slurm.conf), timeout=timedelta(seconds=5)))
        self.states: list[DrainState] = []
        for host in HOSTS:
            (folder / "hosts" / host).mkdir(parents=True)
            (folder / "hosts" / host / "faults.json").write_text("[]")
        self.folder = folder
        path = f"{TOOLS}:{os.environ['PATH']}"
        super().__init__({"SLURM_CONF": str(slurm.conf), "HOST_ROOT": str(folder / "hosts" / HOSTS[0]), "PATH": path})

    async def looks(self) -> DrainState:
        """At gpu001's drain, as its step and the dispatcher do."""
        asked = time.monotonic()
        view = await self.driver.view(not_before=asked)
        return still_ours(HOSTS[0], reason(HOSTS[0]), view, asked, rebooting=True).state

    async def run(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        if argv[0] == "srun" or "delete" in argv:
            self.states.append(await self.looks())
        if argv[0] == "srun":
            self.seen.append(self.slurm.command("scontrol", "show", "reservation", "-o"))
        if self.refused and self.refused in " ".join(argv):
            return CommandResult(argv=tuple(argv), status=1, stdout="", stderr="refused by the test", seconds=0)
        return await super().run(host, argv, within, stdin)

    def fault(self, host: str, kind: str) -> None:
        (self.folder / "hosts" / host / "faults.json").write_text(json.dumps([{"kind": kind}]))


@pytest.fixture
def watched(slurm, tmp_path) -> Watched:
    for host in HOSTS:
        slurm.command("scontrol", "update", f"nodename={host}", "state=DRAIN", f"reason={reason(host)}")
    return Watched(slurm, tmp_path)


async def verify(remote: Watched, host: str = "gpu001"):
    launcher = {"kind": "slurm", "login": "login", "arguments": [], "user": getpass.getuser()}
    fabric = {"kind": "nccl_tests", "launcher": launcher, "minimum": 200, "gpus": 2, "within": "30s"}
    options = ToolsVerifier.model_validate({"kind": "tools", "fabric": [fabric]})
    verifier = ToolVerifier(options, remote, MemoryBaselines(), "c1")
    return await verifier.verify(VerificationTask.FABRIC, host, HOSTS, pool="train")


def drained(slurm) -> dict[str, tuple[bool, str]]:
    shown = slurm.command("sinfo", "-h", "-N", "-n", ",".join(HOSTS), "-o", "%N|%T|%E").split()
    return {name: (state.startswith("drained"), why) for name, state, why in (line.split("|") for line in shown)}


ALL_DRAINED = {host: (True, reason(host)) for host in HOSTS}


async def test_a_slow_host_is_found_and_every_host_is_drained_again_with_its_reason(slurm, watched):
    watched.fault("gpu003", "fabric_slow")

    found = [(await verify(watched, host)).verdict for host in ("gpu003", "gpu001")]

    assert [Verdict.FAILED, Verdict.PASSED] == found
    assert ALL_DRAINED == drained(slurm)
    assert "ReservationName=" not in slurm.command("scontrol", "show", "reservation", "-o")


async def test_while_it_runs_the_hosts_are_reserved_and_no_waiting_job_starts_on_them(slurm, watched):
    jobs = [slurm.command("sbatch", "--parsable", "-w", host, "--wrap=sleep 60").strip() for host in HOSTS]

    found = await verify(watched)

    assert Verdict.PASSED == found.verdict, found
    assert ["Nodes=gpu[001-004]"] == [word for word in watched.seen[0].split() if word.startswith("Nodes=")]
    assert "MAINT" in watched.seen[0]
    told = slurm.command("squeue", "-h", "-o", "%i %T %M").splitlines()
    assert sorted(f"{job} PENDING 0:00" for job in jobs) == sorted(told)


async def test_while_it_runs_the_hosts_count_as_undrained_by_us_and_after_it_as_drained(watched):
    await verify(watched)
    states = [*watched.states, await watched.looks()]
    assert [DrainState.MEASURED, DrainState.DRAINED, DrainState.DRAINED] == states


async def test_a_host_does_not_return_out_of_a_measurement(slurm, watched):
    watched.refused = "state=DRAIN"  # as a worker that dies in its midst
    await verify(watched)
    assert DrainState.MEASURED == await watched.looks()

    with pytest.raises(BadAnswer, match="in our reservation maintrain_fabric_"):
        await watched.driver.undrain(HOSTS[0], reason(HOSTS[0]), open_fence, rebooted=False)


async def test_a_host_that_somebody_else_drained_is_not_touched(slurm, watched):
    slurm.command("scontrol", "update", "nodename=gpu002", "state=DRAIN", "reason=bad_disk")

    found = await verify(watched)

    assert Verdict.INCONCLUSIVE == found.verdict
    assert ALL_DRAINED | {"gpu002": (True, "bad_disk")} == drained(slurm)
    assert not [argv for argv in watched.ran if argv[1:2] in [("update",), ("create",)]]


async def test_a_host_borrowed_from_production_is_refused_clearly_and_not_touched(slurm, watched):
    slurm.command("scontrol", "update", "nodename=gpu002", "state=UNDRAIN")

    found = await verify(watched)

    assert (Verdict.INCONCLUSIVE, True) == (found.verdict, "borrowed ones are not" in found.summary), found
    assert not [argv for argv in watched.ran if argv[1:2] in [("update",), ("create",)]]


async def test_a_reservation_stays_when_a_host_can_not_be_drained_again(slurm, watched):
    watched.refused = "nodename=gpu002 state=DRAIN"

    found = await verify(watched)

    assert Verdict.INCONCLUSIVE == found.verdict
    assert "Nodes=gpu[001-004]" in slurm.command("scontrol", "show", "reservation", "-o")


async def test_a_reservation_that_an_earlier_run_left_is_used_and_goes(slurm, watched):
    watched.refused = "delete"
    first = await verify(watched)
    watched.refused = ""
    second = await verify(watched)

    assert [Verdict.INCONCLUSIVE, Verdict.PASSED] == [first.verdict, second.verdict]
    assert ALL_DRAINED == drained(slurm)
    assert "ReservationName=" not in slurm.command("scontrol", "show", "reservation", "-o")
