"""What differs between two fleet files, in words: `clusters.sim.pools.gpu-train.failure_buffer: 6 -> 4`."""

from collections.abc import Iterator
from difflib import unified_diff

from fleet.models.fleetfile import FleetFile
from starter.show import dump
from starter.wording import shown


def changes(before: FleetFile, after: FleetFile) -> list[str]:
    """Every difference, a line each, in the order of the file; empty when both mean the same."""
    old = dict(_leaves("", dump(before)))
    new = dict(_leaves("", dump(after)))
    lines = [f"added    {path}: {shown(value)}" for path, value in new.items() if path not in old]
    lines += [f"removed  {path}: {shown(value)}" for path, value in old.items() if path not in new]
    return lines + [
        f"changed  {path}: {shown(old[path])} -> {shown(value)}"
        for path, value in new.items()
        if path in old and old[path] != value
    ]


def text_diff(before: str, after: str, source: str) -> str:
    """The unified diff of two files' texts."""
    lines = unified_diff(before.splitlines(), after.splitlines(), "in force", source, lineterm="")
    return "\n".join(lines)


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Single values by path; entries of a list go by their name where they have one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        for index, inner in enumerate(value):
            named = isinstance(inner, dict) and "name" in inner
            yield from _leaves(f"{path}.{inner['name']}" if named else f"{path}[{index}]", inner)
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else value
