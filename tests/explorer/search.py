"""Breadth-first search through every state that can be reached, and back from the states where all is over."""

from array import array
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)


class Move(NamedTuple, Generic[S]):
    """One thing that may happen next."""

    label: str
    good: bool
    """False for what must not be needed to get to an end: failures, losses, people's orders."""
    to: S


class Violated(AssertionError):
    """A promise is broken in a state that can be reached; `str()` tells how, step by step."""


@dataclass
class Space(Generic[S]):
    """Every state that was reached."""

    states: list[S] = field(default_factory=list)
    came_by: list[tuple[int, str]] = field(default_factory=list)
    """For each state the one it was first reached from, and by what."""
    before: list[array] = field(default_factory=list)
    """For each state those from which a good move leads to it."""
    moves: int = 0

    def way_to(self, number: int) -> list[str]:
        """The shortest way there, from the start."""
        labels = []
        while number:
            number, label = self.came_by[number]
            labels.append(label)
        return labels[::-1]


def explore(start: S, moves: Callable[[S], Iterable[Move[S]]], check: Callable[[S], str], most: int) -> Space[S]:
    """Visit every state. Raises `Violated` at the first one for which `check` has something to say, or for more than
    `most` states: a space that is not searched to its end shows nothing.
    """
    space: Space[S] = Space()
    known: dict[S, int] = {}

    def number_of(state: S, origin: int, label: str) -> int:
        found = known.get(state)
        if found is None:
            found = known[state] = len(space.states)
            space.states.append(state)
            space.came_by.append((origin, label))
            space.before.append(array("l"))
            if wrong := check(state):
                raise Violated(f"{wrong}\n  " + "\n  ".join([*space.way_to(found), repr(state)]))
            if found >= most:
                raise Violated(f"more than {most} states: the instance is too large to be searched whole")
        return found

    number_of(start, 0, "")
    here = 0
    while here < len(space.states):
        try:
            for move in moves(space.states[here]):
                space.moves += 1
                there = number_of(move.to, here, move.label)
                if move.good and there != here:
                    space.before[there].append(here)
        except Violated as wrong:
            if wrong.args[0].count("\n"):
                raise
            raise Violated(f"{wrong}\n  " + "\n  ".join([*space.way_to(here), repr(space.states[here])])) from wrong
        here += 1
    return space


def trapped(space: Space[S], over: Callable[[S], bool]) -> list[int]:
    """States from which no way of good moves leads to one where all is over."""
    reached = bytearray(len(space.states))
    todo = [number for number, state in enumerate(space.states) if over(state)]
    for number in todo:
        reached[number] = 1
    while todo:
        for number in space.before[todo.pop()]:
            if not reached[number]:
                reached[number] = 1
                todo.append(number)
    return [number for number, seen in enumerate(reached) if not seen]
