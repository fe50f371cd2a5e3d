"""One BMC and its host: what it remembers, what its hardware is, and the passing of its time."""

from tests.emulators.bmc.faults import Faults
from tests.emulators.bmc.host_files import HostFiles
from tests.emulators.bmc.spec import Effect, Fault, FaultKind, Hardware, Member
from tests.emulators.bmc.state import BmcState, Firmware, Memory


class Refusal(Exception):
    """A request that the BMC refuses: HTTP status, message of the Base registry, text."""

    def __init__(self, status: int, message_id: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.message_id = message_id
        self.text = text


class Bmc:
    """The parts that updates, power and answers share. Time is an argument: seconds since 1970."""

    def __init__(self, hardware: Hardware, memory: Memory, files: HostFiles, faults: Faults) -> None:
        self.hardware = hardware
        self.memory = memory
        self.files = files
        self.faults = faults
        self.members: dict[str, Member] = {member.id: member for member in hardware.members}
        self.sessions: dict[str, str] = {}  # token -> id; a restart ends them
        self.push_apply = "Immediate"

    @property
    def state(self) -> BmcState:
        """What it remembers."""
        return self.memory.state

    def set_faults(self, faults: tuple[Fault, ...], seed: int) -> None:
        """Other faults from now on."""
        self.faults = Faults(faults, seed, self.memory)

    def listening(self, at: float) -> bool:
        """False while the BMC accepts no connection."""
        return self.state.away_until is None and self.faults.now(FaultKind.SILENT, at) is None

    def take_effect(self, effects: set[Effect], at: float, cause: str) -> None:
        """Versions that waited for one of these are the running ones now."""
        for name, firmware in self.state.firmware.items():
            if firmware.written is not None and self.members[name].effect in effects:
                self.run_written(name, firmware, at, cause)

    def run_written(self, name: str, firmware: Firmware, at: float, cause: str) -> None:
        """The written version of one member runs."""
        before, firmware.running, firmware.written = firmware.running, str(firmware.written), None
        if before != firmware.running:
            member, now = self.members[name], firmware.running
            self.memory.note(
                at, "version_changed", member=name, component=member.component, before=before, version=now, cause=cause
            )

    def restart(self, at: float, seconds: float, cause: str) -> None:
        """The BMC restarts: it is away for a time, and firmware that waited for this runs."""
        self.sessions.clear()
        self.state.away_until = at + seconds
        self.state.last_reset = at
        self.memory.note(at, "bmc_away", seconds=seconds, cause=cause)
        self.take_effect({Effect.MANAGER_RESET, Effect.SELF_RESET}, at, cause)
        if self.faults.strike(FaultKind.FORGETS_TASKS, at) is not None:
            self.state.tasks.clear()

    def come_back(self, at: float) -> None:
        """End an absence whose time is over."""
        if self.state.away_until is not None and at >= self.state.away_until:
            self.state.away_until = None
            self.memory.note(at, "bmc_back")
