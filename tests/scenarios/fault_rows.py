"""The faults of the fault table, a row each."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.emulators.bmc import FaultKind
from tests.scenarios.fault_row import (
    BMC,
    DCGM,
    DESIRED,
    DRIVER,
    GIVEN_BACK,
    LEFT_OUT,
    NIC,
    REPAIR,
    UPGRADED,
    Row,
    bmc,
    broken,
)

# Most of a flash of 6 s is time enough to see its task before the BMC goes away.
LATE = 90
FOR_GOOD = timedelta(hours=1)
NOTHING, FLASHED, INSTALLED = (0, 0, 0), (1, 0, 0), (0, 1, 0)

FIRMWARE = (
    Row("BMC answers slowly", UPGRADED, due=(BMC,), bmc=bmc(FaultKind.SLOW, delay=timedelta(milliseconds=150))),
    Row(
        "BMC restarts in mid-update, is silent for a while and goes on",
        UPGRADED,
        due=(BMC,),
        bmc=bmc(FaultKind.VANISHES, at_percent=LATE, delay=timedelta(seconds=2)),
        flash="6s",
    ),
    Row(
        "BMC silent for good in mid-update",
        REPAIR,
        "bmc 1.1.0: not ended within …; the device can't be read: …Connect",
        "its BMC accepted bmc 1.1.0, and what became of it can't be told: …Connect",
        due=(BMC,),
        bmc=bmc(FaultKind.VANISHES, at_percent=LATE, delay=FOR_GOOD),
        flash="6s",
        effects=FLASHED,
    ),
    Row(
        "BMC reboots in mid-update and loses the update",
        REPAIR,
        "bmc 1.1.0: the device says that it failed: The update service restarted.",
        due=(BMC,),
        bmc=bmc(FaultKind.DIES, at_percent=LATE, delay=timedelta(seconds=1)),
        flash="6s",
        effects=FLASHED,
    ),
    Row(
        "BMC reboots in mid-update and forgets its tasks",
        REPAIR,
        "the device has forgotten upgrade tasks that it knew before",
        "its BMC accepted bmc 1.1.0, and what became of it can't be told: …new tasks it shows: none",
        due=(BMC,),
        bmc=(*bmc(FaultKind.VANISHES, at_percent=LATE, delay=timedelta(seconds=1)), *bmc(FaultKind.FORGETS_TASKS)),
        flash="6s",
        effects=FLASHED,
    ),
    Row(
        "BMC says completed, version unchanged",
        REPAIR,
        "bmc 1.1.0: the device said done, the inventory still reports 1.0.0",
        due=(BMC,),
        bmc=bmc(FaultKind.UNCHANGED),
        effects=FLASHED,
    ),
    Row("202 with a monitor that does not exist", UPGRADED, due=(BMC,), bmc=bmc(FaultKind.BAD_MONITOR)),
    Row("BMC busy at first (503)", UPGRADED, due=(BMC,), bmc=bmc(FaultKind.BUSY, times=1)),
    Row(
        "malformed JSON for a while",
        UPGRADED,
        due=(BMC,),
        bmc=bmc(FaultKind.MALFORMED, times=3, path="TaskService"),
    ),
    Row(
        "malformed JSON for good, from mid-update on",
        REPAIR,
        "its BMC accepted bmc 1.1.0, and what became of it can't be told: …expected JSON",
        due=(BMC,),
        bmc=bmc(FaultKind.MALFORMED, path="TaskService/Tasks/1"),
        moved=(BMC,),
        effects=FLASHED,
    ),
    Row(
        "malformed JSON for good",
        LEFT_OUT,
        "its versions can't be read: …expected JSON",
        due=(BMC,),
        bmc=bmc(FaultKind.MALFORMED, path="FirmwareInventory"),
        effects=NOTHING,
    ),
    Row(
        "BMC silent from the start",
        LEFT_OUT,
        "its versions can't be read: …Connect",
        due=(BMC,),
        bmc=bmc(FaultKind.SILENT),
        effects=NOTHING,
    ),
    Row(
        "wrong credentials",
        LEFT_OUT,
        "its versions can't be read: …refuses our user and password",
        due=(BMC,),
        bmc=bmc(FaultKind.WRONG_CREDENTIALS),
        effects=NOTHING,
    ),
    Row(
        "BMC certificate changed",
        LEFT_OUT,
        "its versions can't be read: …certificate is not trusted",
        due=(BMC,),
        bmc=bmc(FaultKind.CERTIFICATE_CHANGED),
        effects=NOTHING,
    ),
    Row(
        "update task ends in an error",
        REPAIR,
        "bmc 1.1.0: the device says that it failed: Writing the image to the device failed.",
        due=(BMC,),
        bmc=bmc(FaultKind.FAILS),
        effects=FLASHED,
    ),
    Row(
        "update task never ends",
        REPAIR,
        "bmc 1.1.0: not ended within …; its task …is at 0%",
        due=(BMC,),
        flash="1h",
        effects=FLASHED,
    ),
    Row(
        "firmware image is not the one listed (SHA-256)",
        GIVEN_BACK,
        "is not the image listed: expected SHA-256",
        due=(BMC,),
        another_image=True,
        effects=NOTHING,
    ),
    Row(
        "host does not boot after its power cycle",
        REPAIR,
        "not back from its reboot within",
        due=(NIC,),
        bmc=bmc(FaultKind.BOOT_HANGS),
        moved=(NIC,),
        effects=FLASHED,
    ),
)
OVER_SSH = (
    Row(
        "sshd down from the start",
        LEFT_OUT,
        "its versions can't be read: …can't be reached",
        down=True,
        effects=NOTHING,
    ),
    Row(
        "host key changed",
        LEFT_OUT,
        "its versions can't be read: …is not the host it should be",
        another_key=True,
        effects=NOTHING,
    ),
    Row(
        "sshd down for good in mid-install",
        REPAIR,
        "dcgm 1:3.3.6: not ended within …; the device can't be read",
        host=broken("drops_off"),
        moved=(DCGM,),
        effects=INSTALLED,
    ),
    Row(
        "host does not come back from its reboot",
        REPAIR,
        "not back from its reboot within",
        due=(DRIVER,),
        host=broken("not_back"),
        effects=INSTALLED,
    ),
    Row(
        "reboot is taken, boot id unchanged",
        REPAIR,
        "not back from its reboot within",
        due=(DRIVER,),
        host=broken("reboot_ignored"),
        effects=INSTALLED,
    ),
    Row(
        "package install exits with an error",
        REPAIR,
        "dcgm 1:3.3.6: the device says that it failed: install: rc 100",
        host=broken("install_fails"),
        effects=INSTALLED,
    ),
    Row(
        "package install says fine, version unchanged",
        REPAIR,
        "dcgm 1:3.3.6: the device said done, the inventory still reports 1:3.3.5",
        host=broken("version_unchanged"),
        effects=INSTALLED,
    ),
    Row(
        "package install never ends",
        REPAIR,
        "dcgm 1:3.3.6: the device says that it failed: install did not end within",
        host=broken("hangs", "datacenter-gpu-manager"),
        effects=INSTALLED,
    ),
)


def _verified(fault: str, reason: str, *host: Mapping[str, Any]) -> Row:
    """A host that is upgraded, and does not pass."""
    return Row(fault, REPAIR, reason, host=host, moved=(DCGM,))


VERIFIED = (
    _verified("dcgmi diag finds broken hardware", "health: failed: GPU Memory failed on GPU 3", *broken("gpu_sick")),
    _verified("nvidia-smi shows one GPU fewer", "health: failed: 7 of 8 GPUs are there", *broken("gpu_missing")),
    _verified("an XID in the kernel log", "health: failed: …Xid 79", *broken("xid", code=79)),
    _verified(
        "one GPU is slow, and every tool says fine",
        "performance: failed: …GB/s is …below the pool's median",
        *broken("gpu_slow"),
    ),
    _verified(
        "a tool is missing",
        "health: inconclusive: dcgmi is missing …counts against neither host nor upgrade",
        *broken("missing", "dcgmi"),
    ),
    _verified(
        "a tool's output can't be read",
        "health: inconclusive: nvidia-smi: …counts against neither host nor upgrade",
        *broken("garbage", "nvidia-smi"),
    ),
    _verified(
        "a tool never ends",
        "performance: inconclusive: gemm did not end by itself …counts against neither host nor upgrade",
        *broken("hangs", "gemm"),
    ),
)
SOUND = tuple(Row(f"none ({n})", UPGRADED, due=tuple(DESIRED)) for n in ("first", "second"))
SLOW_FABRIC = (
    _verified(
        "slow beside any partner", "fabric: failed: HOST slow beside one good host alone", *broken("fabric_slow")
    ),
)
ROWS = (*SOUND, *FIRMWARE, *OVER_SSH, *VERIFIED, *SLOW_FABRIC)
HOSTS = {row.fault: f"gpu{number:03}" for number, row in enumerate(ROWS, 1)}
