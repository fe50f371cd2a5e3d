"""What blame remembers between two looks: counts and growths of capital, never trials; bounded, and serialisable."""

from datetime import datetime
from typing import NamedTuple

from fleet.models.base import Message


class Chunk(NamedTuple):
    """Some control trials of one time that were not compared yet. They are spent together."""

    trials: int
    exposure: float
    """Visits or days."""
    weight: float
    """The same, each host counted by its own record."""
    failures: int
    newest: datetime


class Pool(Message):
    """Control trials that wait to be compared, oldest first; the last chunk is still being filled."""

    carried: tuple[str, ...]
    """The suspects these hosts carried: empty for hosts without any."""
    hardware: str
    kind: str
    chunks: tuple[Chunk, ...] = ()


class Cell(Message):
    """One comparison: hosts that carried `treated` against those that carried `control`, on one hardware model."""

    treated: tuple[str, ...]
    control: tuple[str, ...]
    hardware: str
    kind: str
    growth: tuple[float, ...]
    """Logarithm of the capital of each bet, by failure ratio of the rule."""
    acquittal: float = 0.0
    """Logarithm of the capital of the bet that it changes nothing."""
    trials: float = 0.0
    failures: int = 0
    controls: float = 0.0
    control_failures: int = 0
    unheard: frozenset[str] = frozenset()
    """Hosts on which jobs failed while control was too thin for that to count: they have not spoken here yet."""
    pool: Pool


class Seen(Message):
    """What one suspect did to hosts, beside the comparisons."""

    suspect: str
    failed: frozenset[str] = frozenset()
    """Hosts that failed under it: each counts once against it."""
    hardware_findings: int = 0
    known_bad: frozenset[str] = frozenset()
    """Those of `failed` whose own record was bad before."""


class Blamed(Message):
    """A version that was blamed before; empty `hardware`: on all."""

    suspect: str
    hardware: tuple[str, ...] = ()


class BlameState(Message):
    """Everything kept between calls. `declared`: hardware models told at the beginning, which share the bets evenly."""

    declared: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    """Further hardware models, in the order in which they turned up."""
    pools: tuple[Pool, ...] = ()
    cells: tuple[Cell, ...] = ()
    seen: tuple[Seen, ...] = ()
    blamed: tuple[Blamed, ...] = ()
