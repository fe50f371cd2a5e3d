"""Power of a host, by its BMC."""

import asyncio
import time

from drivers.redfish.activation import reset_kind
from drivers.redfish.connection import Bmc
from drivers.redfish.document import Document
from drivers.redfish.reading import Site
from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.ports.fence import Fence

_RESET = "#ComputerSystem.Reset"
_ON = frozenset({"On", "PoweringOff", "PoweringOn", "Paused"})
_OFF = "Off"


def has_power(system: Document) -> bool:
    """True when the system has power; on its way up or down it has. `BadAnswer` when it does not say."""
    state = system.text("PowerState")
    if state not in {*_ON, _OFF}:
        raise BadAnswer(f"{system.what}: expected a PowerState of the standard, found {state[:80]!r}")
    return state in _ON


async def restart(site: Site, fence: Fence, *, force: bool) -> None:
    """Begin a restart. A host that is off is started when forced, and `Refused` else."""
    if not has_power(site.system):
        if not force:
            raise Refused(f"{site.host} is off, so that it can't be asked to restart")
        await _reset(site, ("On", "ForceOn"), fence)
    elif force:
        await _reset(site, ("ForceRestart", "PowerCycle"), fence)
    else:
        await _reset(site, ("GracefulRestart",), fence)


async def cycle(site: Site, fence: Fence, within: float, poll: float) -> None:
    """Take the power off and give it back, in one step where the BMC can; `within` bounds the way to off."""
    if not has_power(site.system):
        await _reset(site, ("On", "ForceOn"), fence)
        return
    offered = _action(site).texts("ResetType@Redfish.AllowableValues")
    kinds = tuple(kind for kind in site.model.power_cycle if kind in offered)
    if kinds:
        await _reset(site, kinds, fence)
        return
    await _reset(site, ("ForceOff",), fence)
    await _until_off(site.bmc, site.system.path(), within, poll)
    await _reset(site, ("On", "ForceOn"), fence)


async def _until_off(bmc: Bmc, path: str, within: float, poll: float) -> None:
    deadline = time.monotonic() + within
    while has_power(await bmc.get(path)):
        if time.monotonic() > deadline:
            raise Unreachable(f"{bmc.host}: its power is still on {within:g} s after ForceOff")
        await asyncio.sleep(poll)


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
