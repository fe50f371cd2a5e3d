"""Power and resets of a host and of its BMC, carried out step by step as time passes."""

from tests.emulators.bmc import updates
from tests.emulators.bmc.machine import Bmc, Refusal
from tests.emulators.bmc.spec import Effect, FaultKind
from tests.emulators.bmc.state import PowerStep

SYSTEM_RESETS = (
    "On",
    "ForceOff",
    "GracefulShutdown",
    "GracefulRestart",
    "ForceRestart",
    "PowerCycle",
    "FullPowerCycle",
)
MANAGER_RESETS = ("GracefulRestart", "ForceRestart")

_RESET = {Effect.SYSTEM_RESET, Effect.AT_ONCE}
_CYCLE = _RESET | {Effect.POWER_CYCLE}
_BROKEN = {Effect.SYSTEM_RESET, Effect.POWER_CYCLE}


def reset_system(bmc: Bmc, kind: str, at: float) -> None:
    """Begin a reset of the host. Raises `Refusal` for an unknown kind and for a restart of a host that is off."""
    if kind not in SYSTEM_RESETS:
        raise Refusal(400, "Base.1.19.ActionParameterNotSupported", f"The reset type {kind} is not supported.")
    if bmc.state.power == "Off" and kind in ("GracefulRestart", "ForceRestart", "GracefulShutdown"):
        raise Refusal(409, "Base.1.19.ResourceInStandby", "The host is off.")
    if kind.startswith("Graceful") and bmc.faults.strike(FaultKind.IGNORES_GRACEFUL, at) is not None:
        bmc.memory.note(at, "reset_ignored", what="system", type=kind)
        return
    bmc.memory.note(at, "reset", what="system", type=kind)
    bmc.state.steps = [PowerStep(at=when, what=what) for when, what in _plan(bmc, kind, at)]
    if kind == "FullPowerCycle":
        updates.kill_running(bmc, at, "The power was lost.")
        bmc.restart(at, bmc.hardware.manager_boot.total_seconds(), "full power cycle")
    advance(bmc, at)


def reset_manager(bmc: Bmc, kind: str, at: float) -> None:
    """Restart the BMC; updates that run are lost. Raises `Refusal` for an unknown kind."""
    if kind not in MANAGER_RESETS:
        raise Refusal(400, "Base.1.19.ActionParameterNotSupported", f"The reset type {kind} is not supported.")
    bmc.memory.note(at, "reset", what="manager", type=kind)
    updates.kill_running(bmc, at, "The update service restarted.")
    bmc.restart(at, bmc.hardware.manager_boot.total_seconds(), "manager reset")
    updates.start_held(bmc, {Effect.MANAGER_RESET, Effect.SELF_RESET}, at)


def advance(bmc: Bmc, at: float) -> None:
    """Do the steps whose time has come."""
    while bmc.state.steps and bmc.state.steps[0].at <= at:
        step = bmc.state.steps.pop(0)
        _do(bmc, step.what, at)


def notice_reboot(bmc: Bmc, at: float) -> None:
    """See a reboot that the host's own system made: a boot id that is not ours."""
    if not bmc.files.changed() or bmc.state.steps:
        return
    boot_id = bmc.files.boot_id()
    if boot_id is None or boot_id == bmc.state.boot_id:
        return
    bmc.memory.note(at, "reset", what="system", type="own")
    _restart_parts(bmc, at)
    bmc.state.boot_id = boot_id
    bmc.memory.note(at, "boot", boot_id=boot_id)


def _plan(bmc: Bmc, kind: str, at: float) -> list[tuple[float, str]]:
    make = bmc.hardware
    down, off, boot = (t.total_seconds() for t in (make.shutdown, make.power_off, make.boot))
    match kind:
        case "On":
            return [] if bmc.state.power == "On" else [(at, "on"), (at + boot, "up")]
        case "ForceOff":
            return [(at, "stop"), (at, "off")]
        case "GracefulShutdown":
            return [(at, "stop"), (at + down, "off")]
        case "GracefulRestart":
            return [(at, "stop"), (at + down, "reset"), (at + down + boot, "up")]
        case "ForceRestart":
            return [(at, "stop"), (at, "reset"), (at + boot, "up")]
        case _:
            return [(at, "stop"), (at, "off"), (at + off, "on"), (at + off + boot, "up")]


def _do(bmc: Bmc, what: str, at: float) -> None:
    match what:
        case "stop":
            bmc.files.down()
        case "off":
            if bmc.state.power == "On":
                bmc.memory.note(at, "power", state="Off")
            bmc.state.power, bmc.state.lost_power = "Off", True
            updates.kill_running(bmc, at, "The power was lost.", _BROKEN)
        case "on":
            bmc.state.power = "On"
            bmc.memory.note(at, "power", state="On")
            _restart_parts(bmc, at)
        case "reset":
            updates.kill_running(bmc, at, "The host was reset.", _BROKEN)
            _restart_parts(bmc, at)
        case "up":
            bmc.state.boot_id = bmc.files.up()
            bmc.files.changed()
            bmc.memory.note(at, "boot", boot_id=bmc.state.boot_id)


def _restart_parts(bmc: Bmc, at: float) -> None:
    """Firmware that waited runs, updates that waited begin, and the boot waits for them."""
    cycled, bmc.state.lost_power = bmc.state.lost_power, False
    effects = _CYCLE if cycled else _RESET
    bmc.take_effect(effects, at, "power cycle" if cycled else "system reset")
    ready = updates.start_held(bmc, effects, at)
    if bmc.faults.strike(FaultKind.BOOT_HANGS, at) is not None:
        bmc.state.steps = []
        bmc.files.down()
        bmc.memory.note(at, "boot_hung")
    for step in bmc.state.steps:
        step.at += ready - at
