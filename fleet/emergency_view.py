"""An emergency as people see it, for the command line and the Temporal UI alike."""

from collections.abc import Mapping

from fleet.models.emergency import Emergency, EmergencyHostState
from fleet.view import fenced, table

HEADS = ("hosts", "count")


def host_rows(counts: Mapping[EmergencyHostState, int]) -> list[tuple[object, ...]]:
    """A row a state that has hosts."""
    return [(state.value.replace("_", " "), counts[state]) for state in EmergencyHostState if counts.get(state)]


def progress_line(emergency: Emergency) -> str:
    """How far a large-scale maintenance has come; empty before its first round, and for an emergency."""
    progress = emergency.progress
    if progress is None or not progress.round:
        return ""
    domains = ", ".join(f"{pool} {' '.join(names)}" for pool, names in progress.domains.items())
    return f"round {progress.occasion} ({domains}): {progress.phase}"


def _width(emergency: Emergency) -> str:
    plan = emergency.spec.plan
    if plan is None:
        return f"{emergency.spec.width} domains of a pool at once"
    steps = ", ".join(str(step.domains) for step in plan.steps)
    return progress_line(emergency) or f"from {plan.at:%F %T %Z} on, domains of a pool at once: {steps}"


def emergency_view(emergency: Emergency, counts: Mapping[EmergencyHostState, int], now_doing: str) -> str:
    """The picture in markdown."""
    told = " ".join(now_doing.replace("`", "'").split())[:600]
    noun = emergency.noun.capitalize()
    parts = [f"**{noun} {emergency.name}**: {emergency.state}", f"Now: {told}"]
    parts.append(f"{_width(emergency)}; by {emergency.started_by}: {emergency.why}"[:600])
    if emergency.override is not None:
        parts.append(f"May go to a {emergency.override.numbers}.")
    found = host_rows(counts)
    if found:
        parts.append(fenced(table(HEADS, found)))
    return "\n\n".join(parts)
