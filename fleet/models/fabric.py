"""How the fabric between hosts is measured: nccl-tests, started by a launcher on one of them or by Slurm."""

from typing import Annotated, Literal

from pydantic import Field

from fleet.models.base import Fact, HostName
from fleet.models.provider import Argument, Program, Provider
from fleet.models.units import Duration, parse_duration


class MpirunLauncher(Fact):
    """An mpirun of Open MPI's kind, run on one of the hosts; the hosts reach each other by themselves."""

    kind: Literal["mpirun"]
    program: Program = ("mpirun",)
    arguments: tuple[Argument, ...] = Field((), description="such as [--bind-to, none, -x, NCCL_DEBUG=WARN]")


class SlurmLauncher(Fact):
    """srun inside a maintenance reservation of ours. Slurm starts nothing on drained nodes, so ours are undrained
    inside the reservation, which then keeps jobs away, and drained again with the same reason before it goes.
    """

    kind: Literal["slurm"]
    login: HostName = Field(description="host on which scontrol, sinfo and srun are run")
    bin: str | None = Field(None, description="folder of Slurm's commands there; default: found on PATH")
    user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = "root"
    arguments: tuple[Argument, ...] = Field(("--mpi=pmix",), description="further arguments of srun")


class NcclFabric(Provider):
    """nccl-tests over several hosts, one process a GPU; a group that is slow is halved until the host is found."""

    kind: Literal["nccl_tests"]
    launcher: Annotated[MpirunLauncher | SlurmLauncher, Field(discriminator="kind")]
    program: Program = ("all_reduce_perf", "-b", "8M", "-e", "1G", "-f", "2", "-g", "1")
    gpus: int = Field(8, ge=1, le=72, description="GPUs, and so processes, of a host")
    minimum: float = Field(gt=0, description="average bus bandwidth in GB/s that a healthy group reaches")
    most_partners: int = Field(7, ge=1, le=31, description="partners measured together with a host")
    most_runs: int = Field(24, ge=1, le=200, description="runs that the search for a slow host may take")
    within: Duration = Field(parse_duration("10m"), description="time limit of each run")


FabricProvider = Annotated[NcclFabric, Field()]
"""The providers of the fabric task; one so far."""
