"""What a farm of BMCs is told: its hosts, their hardware and its faults, as a YAML or JSON file."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import Field

from fleet.models.base import Fact, HostName, Name, Version
from fleet.models.units import Duration

_GPUS = 8


class Effect(StrEnum):
    """When a version that was written comes into effect."""

    AT_ONCE = "at_once"
    SELF_RESET = "self_reset"  # the BMC restarts by itself when it has written its own firmware
    MANAGER_RESET = "manager_reset"
    SYSTEM_RESET = "system_reset"
    POWER_CYCLE = "power_cycle"


class OnReset(StrEnum):
    """What a BMC does with an update whose apply time is OnReset."""

    HELD = "held"  # the task is Pending until the reset, and writes while the host boots
    WRITTEN = "written"  # the task ends when it has written; the version comes into effect as always


class Member(Fact):
    """A member of the firmware inventory. `component` is what firmware images name."""

    id: str
    component: Name
    version: Version
    effect: Effect
    name: str = ""
    flash: Duration = timedelta(seconds=1)
    related: str = "/redfish/v1/Systems/1"
    updateable: bool = True


def hgx_members() -> tuple[Member, ...]:
    """The inventory of a host with eight GPUs."""
    gpus = (
        Member(
            id=f"FW_GPU_{gpu}",
            component="gpu-vbios",
            version="96.00.74",
            effect=Effect.SYSTEM_RESET,
            name=f"GPU {gpu} firmware",
        )
        for gpu in range(_GPUS)
    )
    return (
        Member(id="BMC", component="bmc", version="1.0.0", effect=Effect.SELF_RESET, related="/redfish/v1/Managers/1"),
        Member(id="BIOS", component="bios", version="2.1.0", effect=Effect.SYSTEM_RESET),
        Member(id="NIC_0", component="nic-firmware", version="28.39.1002", effect=Effect.POWER_CYCLE),
        *gpus,
    )


class Hardware(Fact):
    """One make of host: its firmware and how long things take."""

    manufacturer: str = "Loopback"
    model: str = "HGX-8"
    members: tuple[Member, ...] = Field(default_factory=hgx_members)
    on_reset: OnReset = OnReset.HELD
    simple_update: bool = True
    multipart: bool = True
    shutdown: Duration = timedelta(seconds=0.2)
    power_off: Duration = timedelta(seconds=0.2)
    boot: Duration = timedelta(seconds=1)
    manager_boot: Duration = timedelta(seconds=1)


class FaultKind(StrEnum):
    """What can go wrong with a BMC."""

    SLOW = "slow"  # each answer takes `delay`
    SILENT = "silent"  # no connection is accepted
    HUNG = "hung"  # connections are accepted, nothing is answered
    MALFORMED = "malformed"  # half of the JSON of an answer
    WRONG_CREDENTIALS = "wrong_credentials"  # 401 whatever the password
    CERTIFICATE_CHANGED = "certificate_changed"  # a certificate that the farm's authority did not sign
    BUSY = "busy"  # an update is refused
    BAD_MONITOR = "bad_monitor"  # an update begins; the monitor that its answer names does not exist
    VANISHES = "vanishes"  # the BMC restarts when the update is at `at_percent`, goes on after `delay`
    DIES = "dies"  # the same, and the update is lost
    UNCHANGED = "unchanged"  # the task completes, the version stays
    PARTIAL = "partial"  # the task completes, only the first of several members has the version
    FAILS = "fails"  # the task ends in Exception at `at_percent`, with messages
    FORGETS_TASKS = "forgets_tasks"  # a BMC that restarts remembers no task
    IGNORES_GRACEFUL = "ignores_graceful"  # graceful shutdown and restart are taken and nothing happens
    BOOT_HANGS = "boot_hangs"  # the host does not come back from a reset


class Fault(Fact):
    """One fault: of named hosts, or of a `rate` of all hosts that the seed chooses.

    Its time runs from the first start of the farm. `times` limits how often it strikes a host. `path` is a part of
    the paths that `slow` and `malformed` strike, `components` what the faults of updates strike; empty: any.
    """

    kind: FaultKind
    hosts: tuple[HostName, ...] = ()
    rate: float | None = Field(default=None, ge=0, le=1)
    components: tuple[Name, ...] = ()
    path: str = ""
    after: Duration = timedelta(0)
    lasts: Duration | None = None
    times: int | None = None
    delay: Duration = timedelta(seconds=2)
    at_percent: int = Field(default=50, ge=0, le=100)


class HostSpec(Fact):
    """A host and its BMC, on an address of the loopback network. Port 0: a free one, the same after a restart."""

    name: HostName
    address: str = "127.0.0.1"
    port: int = 0
    hardware: Name = "hgx"


class FarmSpec(Fact):
    """A whole farm. `hosts_root/<host>` is the root of a host's files, if there are any."""

    folder: Path
    hosts: tuple[HostSpec, ...]
    hardware: dict[str, Hardware] = Field(default_factory=lambda: {"hgx": Hardware()})
    hosts_root: Path | None = None
    user: str = "maintrain"
    password: str = "loopback-only"
    seed: int = 1
    faults: tuple[Fault, ...] = ()


def read_spec(path: Path) -> FarmSpec:
    """The farm of a file. Raises `ValidationError` for a file that describes none."""
    return FarmSpec.model_validate(yaml.safe_load(path.read_text()))
