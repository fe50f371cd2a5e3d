"""A person's word on an emergency. The row in the store comes first: grants, boarding and every drain of its stops read
it there. Then the workflow is woken, or started again where it is gone.
"""

from temporalio.client import Client

from fleet.errors import InvalidInput, MaintrainError, Refused, Unreachable
from fleet.models.emergency import Emergency
from fleet.models.messages import Command
from fleet.policy.emergency_orders import EmergencyVerb, Gate, emergency_order, emergency_refusal, gate_of, wrong_round
from fleet.ports.store import Store
from starter.engine import engine, start_dispatcher, start_emergency
from starter.session import facts
from starter.show import say
from starter.wording import near

_DONE = {
    EmergencyVerb.STOP: "stopped",
    EmergencyVerb.RESUME: "resumed",
    EmergencyVerb.END: "ended",
    EmergencyVerb.APPROVE: "approved",
    EmergencyVerb.ABORT: "aborted",
}


async def give(
    wanted: str, verb: EmergencyVerb, asked: Command, dry_run: bool, large: bool = False, gate: Gate | None = None
) -> None:
    """Put an order in force, then tell the workflow. A go is for this `gate`, or for the one that it is at now."""
    async with facts() as store:
        emergency = await find_emergency(store, wanted, large)
        gate = gate_of(emergency) if gate is None else gate
        why = emergency_refusal(emergency, verb)
        if not why and verb is EmergencyVerb.APPROVE:
            why = wrong_round(emergency, gate)
        if why:
            raise Refused(why)
        if dry_run:
            say(f"would be {_DONE[verb]}: {emergency.id} ({asked.reason}); nothing was changed")
            return
        after = await store.change_emergency(emergency.id, emergency_order(asked, verb, await store.clock(), gate))
    say(f"{_DONE[verb]}: {after.id} ({asked.reason})")
    say(await _told(after))


async def taken_up(client: Client, emergency: Emergency) -> str:
    """Start its workflow, and the dispatcher; what to say when that fails, for the row is written and in force."""
    try:
        await start_emergency(client, emergency)
        await start_dispatcher(client, emergency.spec.cluster)
    except Unreachable as error:
        word = "emergency end" if emergency.spec.plan is None else "large abort"
        end = f"maintrain {word} {emergency.spec.name}"
        return f"it is written, and the dispatcher takes it up at its next look ({error}); to call it off: {end}"
    return ""


async def find_emergency(store: Store, wanted: str, large: bool = False) -> Emergency:
    """An emergency, or a large-scale maintenance, by its id or name. `InvalidInput` names those there are."""
    known = [e for e in await store.emergencies() if (e.spec.plan is not None) is large]
    found = [e for e in known if wanted in (e.id, e.spec.name)]
    if len(found) != 1:
        names = [e.id for e in known]
        what, argument = ("a large-scale maintenance", "MAINTENANCE") if large else ("an emergency", "EMERGENCY")
        expected = f"expected {what} ({', '.join(names) or 'none was started yet'}), found {wanted!r}"
        raise InvalidInput(argument, "", expected + near(wanted, names))
    return found[0]


async def _told(emergency: Emergency) -> str:
    """Never fails, for the row in the store is in force."""
    try:
        async with engine() as client:
            started = await start_emergency(client, emergency)
    except MaintrainError:
        return "Temporal does not answer; the word is in force in the store, and read by the next look"
    return f"{'started' if started else 'told'}: {emergency.id}"
