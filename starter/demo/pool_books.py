"""The observer's counts: how many hosts of a pool are up and planned, now and at worst."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.snapshot import HostSeen

ALL_TASKS = frozenset({"health", "performance", "fabric"})


@dataclass(frozen=True)
class PoolLimits:
    """What a pool was promised: hosts planned at most, hosts up at least when we take one, the verifications that a
    changed host must pass, the sets of versions it may carry in production (each may leave components out; none given:
    any), and the components of which all hosts of all pools that serve jobs carry one and the same version.
    """

    name: str
    members: tuple[str, ...]
    planned_buffer: int
    floor: int
    verify: frozenset[str] = ALL_TASKS
    allowed: tuple[Mapping[str, str], ...] = ()
    pins: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    """Host: its replica group, where the pool has such; hosts out by plan are in `groups_at_once` of them at most."""
    groups_at_once: int = 1

    @classmethod
    def total(cls, pools: Iterable["PoolLimits"]) -> "PoolLimits":
        """All pools as one, for the figures of the whole."""
        found = tuple(pools)
        members = tuple(h for p in found for h in p.members)
        return cls("all", members, sum(p.planned_buffer for p in found), sum(p.floor for p in found))


class PoolBook:
    """Counts of one pool. `min_up` and `max_planned` are over all snapshots noted."""

    def __init__(self, limits: PoolLimits) -> None:
        self.limits = limits
        self.up = self.planned = 0
        self._planned_in: Counter[str] = Counter()
        self.min_up, self.max_planned = len(limits.members), 0

    def move(self, before: HostSeen | None, now: HostSeen, host: str = "") -> None:
        """A member went from one state to another."""
        self.up += now.up - (before is not None and before.up)
        more = is_planned(now) - is_planned(before)
        self.planned += more
        if more and host in self.limits.groups:
            self._planned_in[self.limits.groups[host]] += more

    def crowded(self) -> list[str]:
        """Replica groups with hosts out by plan, where these are more than there may be."""
        found = sorted(group for group, count in self._planned_in.items() if count > 0)
        return found if len(found) > self.limits.groups_at_once else []

    def note(self) -> None:
        """A snapshot is complete."""
        self.min_up = min(self.min_up, self.up)
        self.max_planned = max(self.max_planned, self.planned)

    def figures(self) -> dict[str, int]:
        """The pool's part of the report."""
        return {
            "hosts": len(self.limits.members),
            "min_up": self.min_up,
            "floor": self.limits.floor,
            "max_planned": self.max_planned,
            "planned_buffer": self.limits.planned_buffer,
        }


def is_ours(seen: HostSeen | None) -> bool:
    """Drained with a reason of ours."""
    return seen is not None and seen.drained and (seen.reason or "").startswith("maintrain:")


def is_planned(seen: HostSeen | None) -> bool:
    """Out under a planned lease, as far as the drain tells; or closed to jobs by us and out for nothing else."""
    if seen is None:
        return False
    if seen.drained:
        return (seen.reason or "").startswith("maintrain:planned:")
    return bool(seen.closed) and not seen.down


def is_foreign(seen: HostSeen | None) -> bool:
    """Drained by somebody else."""
    return seen is not None and seen.drained and not is_ours(seen)
