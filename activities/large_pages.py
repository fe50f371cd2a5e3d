"""The pages of large-scale maintenances."""

from activities.pages import Page
from fleet.models.emergency import Emergency


def asks_at_gate(large: Emergency, why: str) -> Page:
    """A gate waits for a person; told once a round and occasion."""
    number = large.progress.round if large.progress is not None else 0
    name = large.spec.name
    body = (
        f"{why}\nNothing more is taken out meanwhile, and trains of its pools wait.\n"
        f"To go on: maintrain large approve {name} --reason ...\n"
        f"To bring all of its capacity back: maintrain large abort {name} --reason ..."
    )
    return Page(f"{large.id}/gate/{number}", f"Round {number} of {large.name} waits for a go", body)
