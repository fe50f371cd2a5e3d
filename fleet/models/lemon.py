"""A host that keeps failing whatever boards."""

from fleet.models.base import Decision
from fleet.models.blame import Suspect


class Lemon(Decision):
    """A host that must go to repair, and why."""

    host: str
    failures: int
    hardware_findings: int
    """Those of the failures that a finding lays at the hardware."""
    visits: int
    days: float
    """In production, within the soak windows that were looked at."""
    under: tuple[tuple[Suspect, ...], ...]
    """The different sets of versions it failed under."""
    chance: float
    """Of so many failures on a healthy host."""
