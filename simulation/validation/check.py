"""One line of the validation: a figure that is known from elsewhere, the simulator's, and how far apart they may be."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A known figure beside the simulated one."""

    group: str
    what: str
    known: float
    simulated: float
    allowed: float
    """The error that is still right: a share of `known`; for `at_least`, what may be lacking."""
    unit: str = ""
    source: str = ""
    at_least: bool = False
    """`known` is a bound that was published, such as "more than 90%"."""
    noise: float = 0.0
    """One standard deviation of `simulated` by chance alone, as a share of `known`; 0: not told."""
    put_in: bool = False
    """The simulator was told the known figure, or was fitted to it: that it comes out again foretells nothing."""

    @property
    def error(self) -> float:
        """(simulated - known) / known."""
        if not self.known:
            return math.copysign(math.inf, self.simulated) if self.simulated else 0.0
        return (self.simulated - self.known) / self.known

    @property
    def right(self) -> bool:
        """Whether the error is within what is allowed."""
        return self.error >= -self.allowed if self.at_least else abs(self.error) <= self.allowed

    def row(self) -> str:
        """A line of the page's table."""
        known = f"{'≥ ' if self.at_least else ''}{told(self.known)}{self.unit}"
        noise = f" ± {100 * self.noise:.1f}%" if self.noise else ""
        verdict = "" if self.right else " **off**"
        cells = (self.what, known, f"{told(self.simulated)}{self.unit}", f"{100 * self.error:+.1f}%{noise}{verdict}")
        allowed, source = "" if self.at_least else f"{100 * self.allowed:g}%", self.source
        if self.put_in:
            source = f"*put in*; {source}" if source else "*put in*"
        return f"| {' | '.join(cells)} | {allowed} | {source} |"


def told(value: float) -> str:
    """Four digits, without an exponent for what fleets have."""
    return f"{value:.4g}" if abs(value) < _LARGE else f"{value:,.0f}"


_LARGE = 10_000
HEAD = "| what | known | simulated | error | allowed | known from |\n|---|---|---|---|---|---|"
