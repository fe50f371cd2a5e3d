"""How far the compatibility matrix covers what runs, what is pinned, and what is planned."""

from enum import StrEnum

from fleet.models.base import Fact
from fleet.models.drift import HostsNotAllowed


class CellState(StrEnum):
    """What the matrix says of one version of a component with one version of a pin."""

    TESTED = "tested"
    TESTED_TOGETHER = "tested together"
    """Tested, but only beside some version of another component."""
    BROKEN = "broken"
    """Listed as broken; with no other component named, or beside some version of one."""
    UNTESTED = "untested"


class Cell(Fact):
    """One version of a component with one version of a pin it relates to."""

    component: str
    version: str
    pin: str
    pinned: str
    state: CellState
    entry: str = ""
    """The entry that says so, in words."""


class NeedsTest(Fact):
    """What has to be tested before hosts may carry a planned version: one set with one version of a pin."""

    pin: str
    pinned: str
    components: dict[str, str]
    """Every component that relates to the pin, in the version it would have."""
    untested: tuple[str, ...]
    """Those of them that nothing covers yet."""
    unknown: tuple[str, ...] = ()
    """Those whose version on these hosts is not known."""
    hosts: tuple[str, ...]


class Planned(Fact):
    """A planned rollout, judged on every host in production."""

    component: str
    version: str
    allowed: tuple[str, ...]
    """Hosts that may carry it as the matrix stands."""
    broken: tuple[HostsNotAllowed, ...] = ()
    """Hosts whose set with it an entry lists as broken."""
    needs: tuple[NeedsTest, ...] = ()


class Coverage(Fact):
    """A cluster's coverage: the last two versions of each host-facing component × the current two of each pin."""

    cluster: str
    versions: dict[str, tuple[str, ...]]
    """Component: its last two versions."""
    pins: dict[str, tuple[str, ...]]
    """Pin: the one in force, then the one beside it where there is one."""
    cells: tuple[Cell, ...]
    off_matrix: tuple[HostsNotAllowed, ...] = ()
    planned: tuple[Planned, ...] = ()
    """For the pins in force, then for each pin in its other version."""
