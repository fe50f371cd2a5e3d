"""What goes wrong in the lab: on which host, where the fault is put, and how the host must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starter.demo.expectations import Expectation
from tests.emulators.bmc import Fault, FaultKind

HELD, HELD_BECAUSE = "gpu014", "admin: disk check"
SLOW_BY = timedelta(milliseconds=120)


@dataclass(frozen=True)
class LabFault:
    """One host's fault, of its BMC or on itself. `repaired`: it ends in repair; else it is to return all the same."""

    host: str
    story: str
    repaired: bool
    of_bmc: Fault | None = None
    on_host: Mapping[str, Any] = field(default_factory=dict)


FAULTS = (
    LabFault(
        "gpu003",
        "its BMC is slow",
        repaired=False,
        of_bmc=Fault(kind=FaultKind.SLOW, hosts=("gpu003",), delay=SLOW_BY),
    ),
    LabFault(
        "gpu005",
        "its BMC says Completed while the version is unchanged",
        repaired=True,
        of_bmc=Fault(kind=FaultKind.UNCHANGED, hosts=("gpu005",), components=("bmc",)),
    ),
    LabFault(
        "gpu010",
        "its BMC restarts in mid-update and is silent for a while",
        repaired=False,
        of_bmc=Fault(
            kind=FaultKind.VANISHES, hosts=("gpu010",), components=("bmc",), delay=timedelta(seconds=4), times=1
        ),
    ),
    LabFault(
        "gpu012",
        "a GPU is slow, though every tool says that it passes",
        repaired=True,
        on_host={"kind": "gpu_slow"},
    ),
    LabFault(
        "gpu016",
        "the package of its driver can't be installed",
        repaired=True,
        on_host={"kind": "install_fails", "about": "nvidia-driver"},
    ),
)

EXPECTED = Expectation(
    handed_over={fault.host: fault.story for fault in FAULTS if fault.repaired},
    left_out={HELD: "an outsider holds it"},
)
