"""An emergency as people see it, for the command line and the Temporal UI alike."""

from collections.abc import Mapping

from fleet.models.emergency import Emergency, EmergencyHostState
from fleet.view import fenced, table

HEADS = ("hosts", "count")


def host_rows(counts: Mapping[EmergencyHostState, int]) -> list[tuple[object, ...]]:
    """A row a state that has hosts."""
    return [(state.value.replace("_", " "), counts[state]) for state in EmergencyHostState if counts.get(state)]


def emergency_view(emergency: Emergency, counts: Mapping[EmergencyHostState, int], now_doing: str) -> str:
    """The picture in markdown."""
    told = " ".join(now_doing.replace("`", "'").split())[:600]
    parts = [f"**Emergency {emergency.name}**: {emergency.state}", f"Now: {told}"]
    parts.append(f"{emergency.spec.width} domains of a pool at once; by {emergency.started_by}: {emergency.why}"[:600])
    if emergency.override is not None:
        parts.append(f"May go to a {emergency.override.numbers}.")
    found = host_rows(counts)
    if found:
        parts.append(fenced(table(HEADS, found)))
    return "\n\n".join(parts)
