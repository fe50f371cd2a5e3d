"""A person's word on an emergency. The row in the store comes first, which grants and drains read; then the workflow is
woken, or started again where it is gone.
"""

from fleet.errors import InvalidInput, MaintrainError, Refused
from fleet.models.emergency import Emergency
from fleet.models.messages import Command
from fleet.policy.emergency_orders import EmergencyVerb, emergency_order, emergency_refusal
from fleet.ports.store import Store
from starter.engine import engine, start_emergency
from starter.session import facts
from starter.show import say
from starter.wording import near

_DONE = {EmergencyVerb.STOP: "stopped", EmergencyVerb.RESUME: "resumed", EmergencyVerb.END: "ended"}


async def give(wanted: str, verb: EmergencyVerb, asked: Command, dry_run: bool) -> None:
    """Put an order in force, then tell the workflow."""
    async with facts() as store:
        emergency = await find_emergency(store, wanted)
        why = emergency_refusal(emergency, verb)
        if why:
            raise Refused(why)
        if dry_run:
            say(f"would be {_DONE[verb]}: {emergency.id} ({asked.reason}); nothing was changed")
            return
        after = await store.change_emergency(emergency.id, emergency_order(asked, verb, await store.clock()))
    say(f"{_DONE[verb]}: {after.id} ({asked.reason})")
    say(await _told(after))


async def find_emergency(store: Store, wanted: str) -> Emergency:
    """An emergency by its id or name. `InvalidInput` names those there are."""
    known = await store.emergencies()
    found = [e for e in known if wanted in (e.id, e.spec.name)]
    if len(found) != 1:
        names = [e.id for e in known]
        expected = f"expected an emergency ({', '.join(names) or 'none was started yet'}), found {wanted!r}"
        raise InvalidInput("EMERGENCY", "", expected + near(wanted, names))
    return found[0]


async def _told(emergency: Emergency) -> str:
    """Never fails, for the row in the store is in force."""
    try:
        async with engine() as client:
            started = await start_emergency(client, emergency)
    except MaintrainError:
        return "Temporal does not answer; the word is in force in the store, and read by the next look"
    return f"{'started' if started else 'told'}: {emergency.id}"
