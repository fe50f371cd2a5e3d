"""Live progress of a demo's cycle: a bar on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


class Teller:
    """Tells what happens on stderr; the bar counts domains."""

    def __init__(self, total: int) -> None:
        self.terminal = sys.stderr.isatty()
        self._console = Console(stderr=True, highlight=False)
        self._total, self._said = total, ""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("domains visited", total=total)
        if self.terminal:
            self._progress.start()

    def close(self) -> None:
        """End, leaving the terminal as it was."""
        if self.terminal:
            self._progress.stop()

    def show(self, visited: int, line: str) -> None:
        """How far the cycle is; a line is only said when it is new."""
        if self.terminal:
            self._progress.update(self._task, completed=visited, description=line)
        elif line != self._said:
            self._console.print(f"  {visited}/{self._total} domains  {line}", soft_wrap=True)
        self._said = line


def say(text: str) -> None:
    """One line of narration."""
    Console(stderr=True, highlight=False).print(text, soft_wrap=True, markup=False)


def step(text: str, act: Callable[[], T]) -> T:
    """Say what is done, and do it."""
    say(text)
    return act()
