"""Power of a host, by its BMC."""

import asyncio
import time

from drivers.redfish.activation import reset_kind
from drivers.redfish.connection import Bmc
from drivers.redfish.document import Document
from drivers.redfish.reading import Site
from fleet.errors import BadAnswer, DriverError, Unreachable
from fleet.ports.fence import Fence, open_fence

_RESET = "#ComputerSystem.Reset"
_ON = frozenset({"On", "PoweringOff", "PoweringOn", "Paused"})
_OFF = "Off"


def has_power(system: Document) -> bool:
    """True when the system has power; on its way up or down it has. `BadAnswer` when it does not say."""
    state = system.text("PowerState")
    if state not in {*_ON, _OFF}:
        raise BadAnswer(f"{system.what}: expected a PowerState of the standard, found {state[:80]!r}")
    return state in _ON


async def cycle(site: Site, fence: Fence, within: float, poll: float) -> None:
    """Take the power off and give it back, in one step where the BMC can; `within` bounds each way.

    The fence stands before the first step. The second follows whatever it would say by then, a freeze or the end of
    our lease too: a host without power is what nobody asked for, and power is given to one that has it without harm.
    What goes wrong in between is never `Refused`, which would say that nothing was begun.
    """
    if not has_power(site.system):
        await _reset(site, ("On", "ForceOn"), fence)
        return
    offered = _action(site).texts("ResetType@Redfish.AllowableValues")
    kinds = tuple(kind for kind in site.model.power_cycle if kind in offered)
    if kinds:
        await _reset(site, kinds, fence)
        return
    reset_kind(_action(site), ("On", "ForceOn"))  # refused before anything is begun
    cut = None
    try:
        await _reset(site, ("ForceOff",), fence)
    except (DriverError, asyncio.CancelledError) as error:
        if not site.bmc.in_doubt:
            raise
        cut = error if isinstance(error, asyncio.CancelledError) else None
    back = asyncio.ensure_future(_give_back(site, within, poll))
    try:
        await asyncio.shield(back)
    except asyncio.CancelledError as error:
        cut = error
        await asyncio.wait((back,))
    except DriverError:
        pass  # told below
    if wrong := cut or back.exception():
        raise wrong


async def give(site: Site, fence: Fence) -> bool:
    """Give power to a host that has none; True when it had none."""
    if has_power(site.system):
        return False
    await _reset(site, ("On", "ForceOn"), fence)
    return True


async def _give_back(site: Site, within: float, poll: float) -> None:
    """Switch on what is on its way to off. `Unreachable` when it stays on, or can't be switched on."""
    path = site.system.path()
    deadline = time.monotonic() + within
    while True:
        on = await _has_power(site.bmc, path)
        if on is False or time.monotonic() > deadline:
            break
        await asyncio.sleep(poll)
    if on:
        raise Unreachable(f"{site.host}: its power is still on {within:g} s after ForceOff")
    deadline = time.monotonic() + within
    while True:
        try:
            await _reset(site, ("On", "ForceOn"), open_fence)
            return
        except DriverError as error:
            if await _has_power(site.bmc, path):
                return
            if time.monotonic() > deadline:
                raise Unreachable(f"{site.host}: off, and not switched on within {within:g} s: {error}") from error
        await asyncio.sleep(poll)


async def _has_power(bmc: Bmc, path: str) -> bool | None:
    """None: it can't be told now."""
    try:
        return has_power(await bmc.get(path))
    except DriverError:
        return None


async def _reset(site: Site, kinds: tuple[str, ...], fence: Fence) -> None:
    action = _action(site)
    target = site.bmc.own_path(action.text("target"), action.what)
    await site.bmc.post(target, {"ResetType": reset_kind(action, kinds)}, fence)


def _action(site: Site) -> Document:
    actions = site.system.part("Actions")
    action = None if actions is None else actions.part(_RESET)
    if action is None:
        raise BadAnswer(f"{site.system.what}: expected an action {_RESET}, found none")
    return action
