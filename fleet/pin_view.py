"""A pin switch as people see it, for the command line and the Temporal UI alike."""

from collections.abc import Mapping

from fleet.models.pin import PinHostState, PinSwitch
from fleet.models.units import format_duration
from fleet.view import fenced, table

HEADS = ("hosts", "count")


def host_rows(counts: Mapping[PinHostState, int]) -> list[tuple[object, ...]]:
    """A row a state that has hosts."""
    return [(state.value.replace("_", " "), counts[state]) for state in PinHostState if counts.get(state)]


def pin_view(switch: PinSwitch, counts: Mapping[PinHostState, int], now_doing: str) -> str:
    """The picture in markdown."""
    spec = switch.spec
    head = f"**Pin switch of {switch.name}**: {switch.state.replace('_', ' ')}"
    told = " ".join(now_doing.replace("`", "'").split())[:600]
    window = f"window {format_duration(spec.window)}"
    if switch.deadline is not None:
        window += f", closed at {switch.closed_at:%H:%M:%S}Z, over at {switch.deadline:%H:%M:%S}Z"
    found = host_rows(counts)
    parts = [head, f"Now: {told}", window]
    if found:
        parts.append(fenced(table(HEADS, found)))
    return "\n\n".join(parts)
