"""Live progress of a demo: a bar for every train and every rollout on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

T = TypeVar("T")


class Teller:
    """Tells what happens on stderr."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self._console = Console(stderr=True, highlight=False)
        self._said: dict[str, str] = {}
        self._tasks: dict[str, TaskID] = {}
        what = TextColumn("{task.fields[what]}", markup=False, table_column=Column(no_wrap=True))
        why = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
        columns = (what, BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), why)
        self._progress = Progress(*columns, console=self._console, transient=True, expand=True)
        if self.terminal:
            self._progress.start()

    def close(self) -> None:
        """End, leaving the terminal as it was."""
        if self.terminal:
            self._progress.stop()

    def show(self, what: str, done: int, total: int, unit: str, line: str) -> None:
        """How far a train or a rollout is, and why it is there; a line is only said when it is new."""
        if self.terminal:
            if what not in self._tasks:
                self._tasks[what] = self._progress.add_task(line, what=what)
            self._progress.update(self._tasks[what], completed=done, total=total, description=line)
        elif line != self._said.get(what):
            self._console.print(f"  {what} {done}/{total} {unit}  {line}", soft_wrap=True, markup=False)
        self._said[what] = line

    def say(self, text: str) -> None:
        """One line of narration, above the bars."""
        self._console.print(text, soft_wrap=True, markup=False)


def say(text: str) -> None:
    """One line of narration."""
    Console(stderr=True, highlight=False).print(text, soft_wrap=True, markup=False)


def step(text: str, act: Callable[[], T]) -> T:
    """Say what is done, and do it."""
    say(text)
    return act()
