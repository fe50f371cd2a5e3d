"""What the outside observer remembers of a host, and how it notes a breach."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Violation:
    """One breach of the contract; `kind` is a word to count by."""

    kind: str
    at: float
    host: str
    text: str


@dataclass
class HostBook:
    """What the observer remembers of a host."""

    owes: bool = False
    """True from a flash or reboot on, until it went back into production verified."""
    passed: set[str] = field(default_factory=set)
    flashing: set[str] = field(default_factory=set)
    flashed: set[tuple[str, str, str]] = field(default_factory=set)
    reboots: Counter[str] = field(default_factory=Counter)
    caused: bool = False
    """Since the last reboot a flash began, a verification failed, it went down in production, or a repair got it."""
    visited: bool = False
