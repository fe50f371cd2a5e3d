"""What a row of the fault table says: what is wrong with one host, and what the train must do about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulators.bmc import Fault, FaultKind

BEFORE = {"bmc": "1.0.0", "nic-firmware": "28.39.1002", "gpu-driver": "550.54.14", "dcgm": "1:3.3.5"}
DESIRED = {"bmc": "1.1.0", "nic-firmware": "28.40.1000", "gpu-driver": "550.54.15", "dcgm": "1:3.3.6"}
BMC, NIC, DRIVER, DCGM = DESIRED
BY_BMC, NEEDS_BOOT = {BMC, NIC}, {NIC, DRIVER}
UPGRADED, REPAIR, LEFT_OUT, GIVEN_BACK = "upgraded", "handed_over", "left_out", "given_back"
RETURNED = (UPGRADED, GIVEN_BACK)
TRAIN = {
    UPGRADED: "upgrades, verifies and returns it",
    REPAIR: "hands it to repair, drained",
    LEFT_OUT: "leaves it out by name, untouched",
    GIVEN_BACK: "returns it untouched, and pauses",
}
EFFECTS = ("flashes", "installs", "boots")


@dataclass(frozen=True)
class Row:
    """One host of the table. `due`: components that are old at first; `reason`: what the outcome's reason must say,
    with an ellipsis for what varies and HOST for its name; `or_else`: what it says where the BMC went away before the
    update's task was seen, as on a busy machine.

    `moved`: components whose version changed all the same on a host that was not upgraded. `effects`: what devices
    saw, by `EFFECTS`; None: each component that is due once, and one boot if any of them needs it.
    """

    fault: str
    outcome: str
    reason: str = ""
    or_else: str = ""
    due: tuple[str, ...] = (DCGM,)
    bmc: tuple[Fault, ...] = ()
    host: tuple[Mapping[str, Any], ...] = ()
    moved: tuple[str, ...] = ()
    effects: tuple[int, int, int] | None = None
    flash: str = "400ms"
    another_image: bool = False
    """The file of its firmware image is not the one listed."""
    down: bool = False
    another_key: bool = False

    @property
    def before(self) -> dict[str, str]:
        """Versions at first."""
        return {name: (BEFORE if name in self.due else DESIRED)[name] for name in DESIRED}

    @property
    def after(self) -> dict[str, str]:
        """Versions that must really be there in the end."""
        changed = self.due if self.outcome == UPGRADED else self.moved
        return self.before | {name: DESIRED[name] for name in changed}

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the outcome's reason may say."""
        return tuple(words for words in (self.reason, self.or_else) if words)

    def says(self, reason: str, host: str) -> bool:
        """True when a reason is one of those expected."""
        for words in self.reasons:
            parts = (re.escape(part) for part in words.replace("HOST", host).split("…"))
            if re.search(".*".join(parts), reason, re.DOTALL):
                return True
        return not self.reasons

    @property
    def seen(self) -> tuple[int, int, int]:
        """How many flashes, installs and boots the devices must have seen."""
        if self.effects is not None:
            return self.effects
        due = set(self.due)
        return len(due & BY_BMC), len(due - BY_BMC), int(bool(due & NEEDS_BOOT))


def bmc(kind: FaultKind, **more: Any) -> tuple[Fault, ...]:
    """One fault of the row's BMC; whose it is is filled in with the host's name."""
    return (Fault(kind=kind, **more),)


def broken(kind: str, about: str = "*", **more: Any) -> tuple[Mapping[str, Any], ...]:
    """One fault of the row's host."""
    return ({"kind": kind, "about": about, **more},)
