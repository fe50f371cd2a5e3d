"""The pages of large-scale maintenances."""

from collections.abc import Mapping

from activities.pages import Page
from fleet.models.emergency import Emergency, EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase, occasion
from fleet.policy.large_end import was_out_of_time


def asks_at_gate(large: Emergency, why: str) -> Page:
    """It waits for a person: at a gate, as its round is not to go on, or for hosts. Told once a round and occasion."""
    progress, name = large.progress, large.spec.name
    number, again = (progress.round, progress.again) if progress is not None else (0, 0)
    named = occasion(number, again)
    abort = f"To bring all of its capacity back: maintrain large abort {name} --reason ..."
    if progress is None or progress.phase not in (LargePhase.OUT, LargePhase.GATE):
        body = (
            f"{why}\nIt goes on with them once they can be had, and trains of its pools wait meanwhile.\n"
            f"To leave them as they are: maintrain large abort {name} --reason ..."
        )
        return Page(f"{large.id}/left/{number}", f"{large.name} waits for hosts that can't be had", body)
    first = " (once its hosts under way have ended)" if progress.phase is LargePhase.OUT else ""
    body = (
        f"{why}\nNothing more is taken out meanwhile, and trains of its pools wait.\n"
        f"To go on{first}: maintrain large approve {name} --round {named} --reason ...\n{abort}"
    )
    key = f"{large.id}/gate/{number}" + (f"/{again}" if again else "")
    return Page(key, f"Round {named} of {large.name} waits for a go", body)


def at_its_end(large: Emergency, counts: Mapping[EmergencyHostState, int]) -> Page | None:
    """What people are told of its end, by itself and at an hour at which perhaps nobody looks: that there was no time
    for the rest, or that hosts were left out. None for one that is not over, and where there is nothing to tell.
    """
    if was_out_of_time(large):
        return ended_early(large)
    left_out = counts.get(EmergencyHostState.LEFT_OUT, 0)
    if large.spec.plan is None or large.state is not EmergencyState.DONE or not left_out:
        return None
    body = (
        f"{large.reason}.\nWhy each was left out: maintrain large history {large.spec.name}\n"
        "To bring it to them as well: another maintenance, under a name of its own."
    )
    return Page(f"{large.id}/left-out", f"{large.name} has ended, and left out {left_out} hosts", body)


def ended_early(large: Emergency) -> Page:
    """It ended for want of time. Told once."""
    body = (
        f"{large.reason}\nWhat it had out is back or in repair, and trains go on.\n"
        f"What became of each host: maintrain large history {large.spec.name}\n"
        "For the rest: another maintenance, under a name of its own."
    )
    return Page(f"{large.id}/out-of-time", f"{large.name} ended before it was through", body)
