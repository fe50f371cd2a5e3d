"""Pages about losses in production and about handovers between us and outsiders."""

from activities.pages import Page
from fleet.models.breaker import Breaker
from fleet.models.handover import Handover, HandoverStep, HandoverWay


def breaker_tripped(cluster: str, pool: str, state: Breaker, down: int) -> Page:
    """Too many hosts of a pool were lost: no repair is opened; told once each time."""
    body = (
        f"{state.reason}. {down} hosts of it are down without a repair: none is opened, they count as failed, and what "
        f"is in repair goes on.\nIs it the scheduler, or the network? See: maintrain ledger {cluster}. It closes by "
        f"itself once no more are lost; where the losses are real: maintrain resume {cluster}/{pool} --reason ..."
    )
    return Page(f"breaker/{cluster}/{pool}/{state.since}", f"Too many hosts of {cluster}/{pool} were lost", body)


def handover_late(asked: Handover, step: HandoverStep) -> Page:
    """Nobody has taken over a host in time; it stays with who has it."""
    name = f"{asked.cluster}/{asked.host}"
    if asked.way is HandoverWay.GIVE:
        body = (
            f"{step.reason}. It was to be given to {asked.outsider} until {asked.deadline:%F %T}Z by {asked.actor}: "
            f"{asked.reason}\nIt stays in our repair. Ask them; or: maintrain host keep {asked.host} --cluster "
            f"{asked.cluster} --reason ..."
        )
        return Page(f"late/{asked.id}", f"{name} was not taken over by {asked.outsider} in time", body)
    body = (
        f"{step.reason}. {asked.actor} took it over from {asked.outsider} ({asked.reason}), and the scheduler does not "
        f"show our drain.\nIt is in our repair, under another's drain, which stays as it is."
    )
    return Page(f"late/{asked.id}", f"{name} could not be taken over from {asked.outsider} in time", body)


def handover_void(asked: Handover, ended: HandoverStep) -> Page:
    """A host left its repair before its handover came about."""
    title = f"{asked.cluster}/{asked.host} left its repair before it was handed over"
    way = "to" if asked.way is HandoverWay.GIVE else "from"
    return Page(
        f"void/{asked.id}", title, f"{ended.reason}\nThe handover {way} {asked.outsider} is off: {asked.reason}"
    )
