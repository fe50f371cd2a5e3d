"""The pages of large-scale maintenances."""

from activities.pages import Page
from fleet.models.emergency import Emergency
from fleet.models.large import LargePhase, occasion


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


def ended_early(large: Emergency) -> Page:
    """It ended for want of time, at an hour at which perhaps nobody looks. Told once."""
    body = (
        f"{large.reason}\nWhat it had out is back or in repair, and trains go on.\n"
        f"What became of each host: maintrain large history {large.spec.name}\n"
        "For the rest: another maintenance, under a name of its own."
    )
    return Page(f"{large.id}/out-of-time", f"{large.name} ended before it was through", body)
