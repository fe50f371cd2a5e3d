"""How far each simulation is: a bar a policy on a terminal, a line a tenth in a pipe, both on stderr."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from simulation.scenario import Policy

_TENTHS = 10


class Progress:
    """Shows what `show` is told."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._terminal = sys.stderr.isatty()
        self._said: dict[Policy, int] = {}
        columns = (TextColumn("{task.description}", markup=False), BarColumn(30), TaskProgressColumn())
        self._bars = Bars(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self._tasks: dict[Policy, TaskID] = {}
        if self._terminal:
            self._tasks = {policy: self._bars.add_task(policy.value, total=1.0) for policy in policies}

    def __enter__(self) -> Self:
        """Begin."""
        if self._terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, leaving the terminal as it was."""
        if self._terminal:
            self._bars.stop()

    def show(self, policy: Policy, share: float) -> None:
        """A policy's simulation is so far, from 0 to 1."""
        if self._terminal:
            self._bars.update(self._tasks[policy], completed=share)
        elif (tenths := int(share * _TENTHS)) > self._said.get(policy, 0):
            self._said[policy] = tenths
            typer.echo(f"  {policy.value}: {tenths * 10}% simulated", err=True)
