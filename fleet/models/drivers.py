"""Which drivers a cluster uses, and their settings. A credential is named here, never written."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from fleet.models.base import Fact, HostName, Name, Version
from fleet.models.hosts import HostsHardware
from fleet.models.ladder import Rung
from fleet.models.provider import Argument
from fleet.models.units import Duration, parse_duration
from fleet.models.verifiers import ToolsVerifier

FaultKind = Literal[
    "flash_fails",
    "prepare_fails",
    "version_unchanged",
    "host_not_back",
    "inventory_lags",
    "gpu_slow",
    "health_fails",
    "health_inconclusive",
    "version_fails",
    "job_fails",
    "bmc_silent",
    "garbage_answer",
    "stale_answer",
    "partial_answer",
    "no_answer",
    "drained_by_other",
    "undrained_by_other",
]


class SimulatedFault(Fact):
    """A fault of the simulated cluster: on one host, or at a rate."""

    kind: FaultKind
    host: HostName | None = Field(None, description="on this host; else drawn by rate")
    rate: float = Field(
        0.0, ge=0, le=1, description="chance that one occasion shows the fault; 0 with a host or times means always"
    )
    times: int | None = Field(None, ge=1, description="how often at most; default without end")
    after: Duration = Field(parse_duration("0s"), description="simulated time before which it does not show")
    by: str = Field("admin: disk check", description="the other party's drain reason (drained_by_other)")
    component: Name | None = Field(None, description="only upgrades of this component")
    version: Version | None = Field(None, description="with this version of the component (version_fails, job_fails)")
    model: str | None = Field(None, description="only on hosts of this hardware model")
    cured_by: tuple[Rung, ...] = Field(
        (),
        description="rungs of the repair ladder that end it, of a fault that names its host",
    )

    @model_validator(mode="after")
    def _of_one_host(self) -> "SimulatedFault":
        if self.cured_by and self.host is None:
            raise ValueError("cured_by: expected a host, whose fault is cured")
        wrong = self.kind not in ("version_fails", "job_fails") if self.version else self.kind == "version_fails"
        if wrong or (self.version and not self.component):
            raise ValueError("version: expected it with a component, for kind version_fails or job_fails and no other")
        return self


class SimulatedJobs(Fact):
    """Gang jobs of the simulated cluster. Durations are simulated time."""

    load: float = Field(0.8, ge=0, le=1, description="share of the hosts kept busy while jobs are left")
    sizes: dict[int, float] = Field(
        default_factory=lambda: {1: 0.4, 2: 0.2, 4: 0.2, 8: 0.2}, description="hosts of a job: weight"
    )
    mean: Duration = parse_duration("6h")
    spread: float = Field(0.5, ge=0, le=2, description="sigma of the log-normal duration")
    checkpoint: Duration = Field(parse_duration("1h"), description="work since the last checkpoint is lost on requeue")
    requeueable: float = Field(0.9, ge=0, le=1)
    interactive: float = Field(0.05, ge=0, le=1)


class SimulatedScheduler(Fact):
    """The simulated cluster's scheduler. `simulated` scheduler and hardware of a cluster share one state file."""

    kind: Literal["simulated"]
    state: str = Field(description="path of the cluster's own SQLite file, relative to the data folder")
    jobs: SimulatedJobs = SimulatedJobs()
    poll: Duration = Field(parse_duration("1s"), description="age at which the shared view is read anew")


class SlurmScheduler(Fact):
    """Slurm by its command line."""

    kind: Literal["slurm"]
    conf: str | None = Field(None, description="SLURM_CONF; default: what the environment says")
    bin: str | None = Field(None, description="folder of scontrol, squeue, sinfo; default: found on PATH")
    timeout: Duration = parse_duration("30s")
    poll: Duration = Field(parse_duration("5s"), description="age at which the shared view is read anew")
    job_arguments: tuple[Argument, ...] = Field(
        (), description="further arguments of sbatch for our short jobs on borrowed hosts, such as [--account=ops]"
    )


class PluginDriver(Fact):
    """A driver of your own: `factory` is `module:function`, called with (options, data_folder)."""

    kind: Literal["plugin"]
    factory: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)


class SimulatedHardware(Fact):
    """Simulated BMCs, devices and reboots. Durations are simulated time, divided by `time_scale`."""

    kind: Literal["simulated"]
    state: str = Field(description="path of the SQLite file, relative to the data folder")
    seed: int = 0
    time_scale: float = Field(1.0, gt=0, description="simulated seconds per real second")
    hosts: str = Field(description="hostlist of the simulated hosts, such as gpu[001-064]")
    hosts_per_rack: int = Field(8, ge=1)
    hosts_per_nvlink: int = Field(4, ge=1)
    models: dict[str, str] = Field(default_factory=dict, description="hardware model: hostlist of its hosts")
    installed: dict[Name, Version] = Field(description="versions every host starts with, job-facing ones too")
    spread: float = Field(0.1, ge=0, le=2, description="sigma of the log-normal spread of durations")
    verify_duration: Duration = parse_duration("2m")
    faults: tuple[SimulatedFault, ...] = ()


class SimulatedVerifier(Fact):
    """Verifications on the simulated hardware."""

    kind: Literal["simulated"]


SchedulerDriver = Annotated[SimulatedScheduler | SlurmScheduler | PluginDriver, Field(discriminator="kind")]
HardwareDriver = Annotated[SimulatedHardware | HostsHardware | PluginDriver, Field(discriminator="kind")]
VerifierDriver = Annotated[SimulatedVerifier | ToolsVerifier | PluginDriver, Field(discriminator="kind")]


class Drivers(Fact):
    """The hands of a cluster."""

    scheduler: SchedulerDriver
    hardware: HardwareDriver
    verifier: VerifierDriver

    def shows_within(self, component: str) -> timedelta:
        """Time within which an upgrade of a component that was sent shows among its device's tasks."""
        return self.hardware.shows_within(component) if isinstance(self.hardware, HostsHardware) else timedelta(0)
