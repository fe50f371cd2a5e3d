"""The pages of pin switches."""

from collections.abc import Mapping

from activities.pages import Page
from fleet.errors import MaintrainError
from fleet.models.pin import PinHost, PinSwitch
from fleet.policy.pin_look import to_carry


def asks_approval(switch: PinSwitch, ready: int) -> Page:
    """Everything is prepared, and a person must say so."""
    body = (
        f"{ready} hosts have what it needs. It takes the whole of {switch.spec.cluster} out of production for up to "
        f"{switch.spec.window}.\nTo let it begin: maintrain pin approve {switch.id} --reason ...\n"
        f"To call it off: maintrain pin abort {switch.id} --reason ..."
    )
    # Each time that it asks is an occasion of its own: whoever approved it before counts on it.
    key = f"{switch.id}/approve/{switch.changed_at.isoformat()}"
    return Page(key, f"The pin switch of {switch.name} waits for an approval", body)


def checks_anew(switch: PinSwitch) -> Page:
    """What was approved does not hold any more."""
    body = (
        f"{switch.reason}\nNothing was closed. Once every host may carry both pins it asks for an approval again. See: "
        f"maintrain pin status {switch.id}"
    )
    title = f"The pin switch of {switch.name} checks anew, and asks for its approval again"
    return Page(f"{switch.id}/anew/{switch.changed_at.isoformat()}", title, body)


def goes_back(switch: PinSwitch) -> Page:
    """It goes back to the old pin."""
    body = f"{switch.reason}\nEvery host goes back to {switch.prior}. See: maintrain pin status {switch.id}"
    return Page(f"{switch.id}/back", f"The pin switch of {switch.name} goes back", body)


def not_released(switch: PinSwitch, job: str, error: MaintrainError) -> Page:
    """A job that was requeued and held stays so."""
    body = (
        f"It was requeued and held when {switch.spec.cluster} was closed, and can't be released: {error}\n"
        f"It is tried again while {switch.id} lasts. If it is still held after that, its user or you must release it."
    )
    return Page(f"{switch.id}/held/{job}", f"Job {job} is still held after {switch.id}", body)


def not_closed(switch: PinSwitch, host: PinHost, error: MaintrainError) -> Page:
    """A late host is open to jobs, should it come back."""
    name = f"{switch.spec.cluster}/{host.host}"
    body = (
        f"{error}\nIt is out of production ({host.reason}) and did not follow {switch.id}. Should it come back by "
        "itself, jobs may start on it with another pin than the others carry. Closing it is tried again while the "
        "switch lasts."
    )
    return Page(f"{switch.id}/open/{host.host}", f"{name} can't be closed for {switch.id}", body)


def late(switch: PinSwitch, host: PinHost, pins: Mapping[str, str]) -> Page:
    """A host that was in another's hands stays closed to jobs until it carries the pins in force, which a later switch
    may have moved on: that is an occasion of its own.
    """
    targets = ", ".join(f"{name} {version}" for name, version in to_carry(switch, pins).items())
    body = (
        f"It was out of production ({host.reason}) when the cluster was closed or opened. It stays closed to jobs by a "
        f"reservation of ours until it carries {targets}, which whoever has it in hand must bring it."
    )
    key = f"{switch.id}/late/{host.host}/{targets}"
    return Page(key, f"{switch.spec.cluster}/{host.host} did not follow {switch.id}", body)
