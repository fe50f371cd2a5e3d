"""The order of test files: those that mostly wait (whole fleets) run between those that compute, not all at the end,
so that a few workers keep two cores busy from the first minute to the last.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

WAITING = ("demos", "lab", "scenarios", "test_million_events.py", "test_long_rollout.py")
"""Folders and files whose tests take a minute or more each, most of it waiting; the two files would else be last."""


def spread(files: Sequence[Path]) -> list[Path]:
    """These files, in their order but for those that wait, which come early and evenly between the others."""
    waiting = [file for file in files if _waits(file)]
    computing = [file for file in files if not _waits(file)]
    # A quarter of the others is kept for the end, so that no worker ends alone on a file that waits.
    every = max(1, len(computing) * 3 // (4 * len(waiting))) if waiting else 1
    found: list[Path] = []
    for number, file in enumerate(waiting):
        found += [file, *computing[number * every : (number + 1) * every]]
    return [*found, *computing[len(waiting) * every :]]


def in_order(files: Iterable[Path]) -> list[Path]:
    """Each file once, as it comes first."""
    return list(dict.fromkeys(files))


def _waits(file: Path) -> bool:
    return any(folder in file.parts for folder in WAITING)
