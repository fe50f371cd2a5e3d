"""What the GPU driver's Xid codes point to. A code that is not here is a finding too: unknown is not harmless.

Codes that a user's program causes by itself (a bad address, an abort) fail no host.
"""

from typing import NamedTuple

from fleet.models.verification import Category, Severity


class Xid(NamedTuple):
    """A code's meaning in words."""

    category: Category
    severity: Severity
    told: str


_H, _S = Category.HARDWARE, Category.SOFTWARE
_INFO, _WARN, _ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR
_RESET, _ISOLATE = Severity.RESET, Severity.ISOLATE

XIDS = {
    8: Xid(_S, _ERROR, "the GPU stopped processing"),
    13: Xid(_S, _INFO, "graphics engine exception of a program"),
    31: Xid(_S, _INFO, "memory page fault of a program"),
    32: Xid(_S, _ERROR, "corrupted push buffer stream"),
    38: Xid(_S, _ERROR, "driver firmware error"),
    43: Xid(_S, _INFO, "a program's channel was stopped"),
    45: Xid(_S, _INFO, "clean-up after a program"),
    46: Xid(_H, _RESET, "the GPU stopped processing"),
    48: Xid(_H, _RESET, "double-bit ECC error"),
    54: Xid(_H, _ISOLATE, "auxiliary power is not connected"),
    61: Xid(_H, _RESET, "internal micro-controller breakpoint"),
    62: Xid(_H, _RESET, "internal micro-controller halt"),
    63: Xid(_H, _RESET, "row remapping or page retirement was recorded"),
    64: Xid(_H, _ISOLATE, "row remapping or page retirement failed"),
    68: Xid(_H, _ERROR, "video decoder exception"),
    69: Xid(_S, _ERROR, "graphics engine class error"),
    74: Xid(_H, _RESET, "NVLink error"),
    79: Xid(_H, _ISOLATE, "the GPU has fallen off the bus"),
    92: Xid(_H, _WARN, "high rate of single-bit ECC errors"),
    93: Xid(_S, _WARN, "InfoROM erase warning"),
    94: Xid(_H, _RESET, "contained memory error"),
    95: Xid(_H, _RESET, "uncontained memory error"),
    109: Xid(_S, _RESET, "context switch time-out"),
    110: Xid(_S, _RESET, "security fault"),
    119: Xid(_S, _RESET, "the GPU's system processor did not answer"),
    120: Xid(_S, _RESET, "error of the GPU's system processor"),
    121: Xid(_H, _WARN, "corrected error of the chip-to-chip link"),
    137: Xid(_S, _INFO, "NVLink access without right by a program"),
    140: Xid(_H, _RESET, "unrecovered ECC error"),
    143: Xid(_H, _RESET, "the GPU could not be initialised"),
    144: Xid(_H, _RESET, "NVLink error (SAW)"),
    145: Xid(_H, _RESET, "NVLink error (RLW)"),
    146: Xid(_H, _RESET, "NVLink error (TLW)"),
    147: Xid(_H, _RESET, "NVLink error (TREX)"),
    148: Xid(_H, _RESET, "NVLink error (NVLPW)"),
    149: Xid(_H, _RESET, "NVLink error (NETIR)"),
    150: Xid(_H, _RESET, "NVLink error (MSE)"),
    154: Xid(_H, _RESET, "the driver asks for a recovery action"),
}


def meaning(code: int) -> Xid:
    """What a code points to; an unknown one fails the host."""
    return XIDS.get(code, Xid(_H, _ERROR, "an Xid this version knows nothing of"))
