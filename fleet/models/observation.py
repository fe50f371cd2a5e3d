"""The dispatcher's last look at a cluster."""

from fleet.models.base import Fact, Moment
from fleet.models.host import HostSet
from fleet.models.scheduler import Node


class ObservedHost(Fact):
    """A host as the scheduler showed it."""

    host: str
    node: Node | None
    """None: the scheduler does not list it."""
    jobs: tuple[str, ...] = ()


class Observation(Fact):
    """One observation of one cluster. Ages count from `began_at`, by the facts' clock."""

    cluster: str
    began_at: Moment
    hosts: dict[str, ObservedHost]
    error: str = ""
    """Why the last look failed; `hosts` and `began_at` are then those of the last good one."""


class SetCounts(Fact):
    """Hosts of a pool in each set."""

    up: int = 0
    planned: int = 0
    failed: int = 0
    foreign: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, sets: list[HostSet]) -> "SetCounts":
        """Count a pool's standings."""
        return cls(**{s.value: sets.count(s) for s in HostSet})
