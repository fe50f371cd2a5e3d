"""A person's word on a pin switch: the row in the store first, for every step reads it; then the switch is woken."""

from fleet.errors import InvalidInput, MaintrainError, Refused
from fleet.models.messages import Command
from fleet.models.pin import PinSwitch
from fleet.policy.pin_orders import PinVerb, pin_order, pin_refusal
from fleet.ports.store import Store
from starter.engine import engine, signal, start_pin_switch
from starter.session import facts
from starter.show import say
from starter.wording import near

_DONE = {PinVerb.APPROVE: "approved", PinVerb.ABORT: "aborted"}


async def find_switch(store: Store, wanted: str) -> PinSwitch:
    """A switch by its id, or the newest of a cluster. `InvalidInput` names those there are."""
    known = {s.id: s for s in await store.pin_switches()}
    found = known.get(wanted) or next((s for s in known.values() if s.spec.cluster == wanted), None)
    if found is None:
        names = ", ".join(known) or "none was started yet"
        raise InvalidInput(
            "SWITCH", "", f"expected a pin switch ({names}), found {wanted!r}{near(wanted, list(known))}"
        )
    return found


async def find_switches(store: Store, wanted: str) -> list[PinSwitch]:
    """A switch by its id; of a cluster the newest, and earlier ones that are not over."""
    newest = await find_switch(store, wanted)
    if newest.id == wanted:
        return [newest]
    open_ = await store.open_pin_switches(newest.spec.cluster)
    return [newest, *(s for s in open_ if s.id != newest.id)]


async def give(wanted: str, verb: PinVerb, asked: Command, dry_run: bool) -> None:
    """Put an order in force, then tell the workflow."""
    async with facts() as store:
        switch = await find_switch(store, wanted)
        why = pin_refusal(switch, verb)
        if why:
            # One that has lost its workflow is taken up again, whatever becomes of the order.
            begun = not switch.over and not dry_run and await _taken_up(switch)
            raise Refused(f"{why}; its workflow did not run, and was started" if begun else why)
        if dry_run:
            say(f"would be {_DONE[verb]}: {switch.id} ({asked.reason}); nothing was changed")
            return
        after = await store.change_pin_switch(switch.id, pin_order(asked, verb, await store.clock()))
    say(f"{_DONE[verb]}: {after.id} ({asked.reason})")
    say(await _told(after))


async def _taken_up(switch: PinSwitch) -> bool:
    """True when its workflow was started just now; False also with Temporal down, when nothing can be done about it."""
    try:
        async with engine() as client:
            return await start_pin_switch(client, switch)
    except MaintrainError:
        return False


async def _told(switch: PinSwitch) -> str:
    """Never fails, for the row in the store is in force."""
    try:
        async with engine() as client:
            if await signal(client, switch.id, "wake"):
                return f"told: {switch.id}"
            await start_pin_switch(client, switch)
    except MaintrainError:
        return "Temporal does not answer; the word is in force in the store, every step reads it"
    return f"started: {switch.id}"
