"""Verification by the tools the field uses: per task, the providers that run and what they must show.

A provider names its program as an argument list, so that `sudo -n` or a container launcher can stand before it.
A task without a provider for a host is inconclusive, never passed.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from fleet.models.base import Fact
from fleet.models.baseline import BaselineRule
from fleet.models.fabric import FabricProvider
from fleet.models.patterns import Regex
from fleet.models.provider import Argument, Program, Provider
from fleet.models.units import Duration, parse_duration


class DcgmHealth(Provider):
    """NVIDIA DCGM's diagnostic, 3.x or 4.x."""

    kind: Literal["dcgm"]
    program: Program = ("dcgmi",)
    level: int = Field(2, ge=1, le=4, description="1 software; 2 adds memory and PCIe; 3 stress; 4 hours of it")
    gpus: int = Field(8, ge=1, le=72, description="GPUs of a host; each must show a pass in every required test")
    parameters: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[A-Za-z0-9_.]+=[A-Za-z0-9_.,]+$")], ...] = ()
    required: tuple[str, ...] | None = Field(
        None, description="tests that must pass on every GPU, by their 4.x names; default what the level stands for"
    )
    within: Duration = Field(parse_duration("30m"), description="time limit; past it the answer is inconclusive")


class NvidiaSmiHealth(Provider):
    """What the NVIDIA driver counts: GPUs, ECC, row remapping, PCIe width, NVLink."""

    kind: Literal["nvidia_smi"]
    program: Program = ("nvidia-smi",)
    answer: Literal["csv", "xml"] = Field("csv", description="csv asks for ten fields; xml reads the whole report")
    gpus: int = Field(8, ge=1, le=72)
    ecc: bool = Field(True, description="ECC must be on")
    pcie_width: int | None = Field(None, ge=1, le=32, description="lanes every GPU must have; default its own maximum")
    nvlinks: int = Field(0, ge=0, le=36, description="active NVLinks of every GPU; 0 does not look at them")
    within: Duration = parse_duration("60s")


class GpucmCheck(Fact):
    """One check of Meta's GPU cluster health checks."""

    name: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")], ...] = Field(
        min_length=1, max_length=3, description="such as [check-storage, disk-usage]"
    )
    arguments: tuple[Argument, ...] = ()
    category: Literal["hardware", "software", "performance"] = "software"


class GpucmHealth(Provider):
    """Meta's open GPU cluster health checks: the program `health_checks` of the package `gpucm`."""

    kind: Literal["gpucm"]
    program: Program = ("health_checks",)
    cluster: Argument = "maintrain"
    log_folder: Argument = Field("/tmp", description="the program writes a log of its own there")  # noqa: S108
    checks: tuple[GpucmCheck, ...] = Field(min_length=1)
    within: Duration = Field(parse_duration("5m"), description="time limit of each check")


class XidHealth(Provider):
    """The GPU driver's complaints (Xid) in the kernel log since the host booted."""

    kind: Literal["xid"]
    log: Literal["journalctl", "dmesg"] = Field("journalctl", description="dmesg forgets; the journal does not")
    program: Program | None = Field(None, description="what stands for journalctl or dmesg, such as [sudo, -n, dmesg]")
    ignored: tuple[int, ...] = Field((), description="codes that fail nothing here")
    within: Duration = parse_duration("60s")

    @property
    def command(self) -> tuple[str, ...]:
        """The program with its leading arguments."""
        return self.program or (self.log,)


class NvbandwidthPerformance(Provider):
    """Copy bandwidths by nvbandwidth; each test case's slowest pair is one metric, in GB/s."""

    kind: Literal["nvbandwidth"]
    program: Program = ("nvbandwidth",)
    testcases: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")], ...] = Field(
        ("host_to_device_memcpy_ce", "device_to_host_memcpy_ce"), min_length=1
    )
    answer: Literal["json", "text"] = "json"
    baseline: BaselineRule = BaselineRule()
    within: Duration = parse_duration("5m")


class GemmPerformance(Provider):
    """A program of yours that prints one number a GPU, more is better; the slowest GPU is the metric."""

    kind: Literal["gemm"]
    program: Program
    metric: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")] = "gemm_tflops"
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/ ]{1,20}$")] = "TFLOPS"
    line: Regex = Field(
        r"^GPU (?P<gpu>\d+): (?P<value>\d+(?:\.\d+)?) TFLOPS$",
        description="regular expression of a line with a result; groups `gpu` and `value`",
    )
    gpus: int = Field(8, ge=1, le=72)
    baseline: BaselineRule = BaselineRule()
    within: Duration = parse_duration("10m")

    @field_validator("line")
    @classmethod
    def _has_its_groups(cls, value: str) -> str:
        if set(re.compile(value).groupindex) != {"gpu", "value"}:
            raise ValueError("expected the named groups gpu and value")
        return value


class NcclPerformance(Provider):
    """NCCL inside a host: the average bus bandwidth of all_reduce_perf, in GB/s."""

    kind: Literal["nccl"]
    program: Program = ("all_reduce_perf", "-b", "8M", "-e", "1G", "-f", "2")
    gpus: int = Field(8, ge=1, le=72)
    baseline: BaselineRule = BaselineRule()
    within: Duration = parse_duration("10m")


AnyHealth = DcgmHealth | NvidiaSmiHealth | GpucmHealth | XidHealth
AnyPerformance = NvbandwidthPerformance | GemmPerformance | NcclPerformance
HealthProvider = Annotated[AnyHealth, Field(discriminator="kind")]
PerformanceProvider = Annotated[AnyPerformance, Field(discriminator="kind")]


class ToolsVerifier(Fact):
    """Verification by tools that run on the hosts. The worst answer of a task's providers counts."""

    kind: Literal["tools"]
    health: tuple[HealthProvider, ...] = ()
    performance: tuple[PerformanceProvider, ...] = ()
    fabric: tuple[FabricProvider, ...] = ()

    @model_validator(mode="after")
    def _has_a_provider(self) -> Self:
        if not (self.health or self.performance or self.fabric):
            raise ValueError("expected at least one provider: without one every verification is inconclusive")
        return self
