"""What is due on a host, what of it boards, and why the rest does not.

Due upgrades are packed into the visit's budget by priority (then by their order in the stack), and left out as few as
possible until the resulting set is allowed.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import combinations, islice

from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.rollouts import WantedSet
from fleet.models.stack import Component
from fleet.models.units import format_duration
from fleet.policy.compatibility import Allowed, allowed

_Unit = tuple[Component, ...]
"""Due components that board together or not at all."""

REMOVALS_TRIED = 300
"""Ways to leave units out that are tried, smallest first, before units are added one by one instead."""


class Packing:
    """What is due on a host, what of it boards, and why the rest does not."""

    def __init__(
        self,
        cluster: Cluster,
        pool: Pool,
        observed: Mapping[str, str],
        entries: Sequence[MatrixEntry],
        wanted: WantedSet | None,
    ) -> None:
        self.cluster, self.pool, self.entries = cluster, pool, entries
        self.desired = cluster.desired_in(pool) if wanted is None else wanted.versions
        self.first = {w.component: (w.back, w.priority) for w in wanted.wanted} if wanted is not None else {}
        self.deferred: dict[str, str] = dict(wanted.waits) if wanted is not None else {}
        stack = cluster.stack
        self.base = {c.name: observed[c.name] for c in stack.components if stack.host_facing(c) and c.name in observed}
        self.drifted = self._note_drift(observed)
        self.due = self._due()
        self.boarded = self._choose(self._units())

    def result(self, components: Sequence[Component]) -> dict[str, str]:
        """Host-facing versions once these components are upgraded."""
        return {**self.base, **{c.name: self.desired[c.name] for c in components}}

    def judge(self, components: Sequence[Component]) -> Allowed:
        """Whether the set that results from these upgrades is allowed."""
        return allowed(self.result(components), self.cluster, self.entries)

    def cost(self, components: Sequence[Component]) -> timedelta:
        """Time the upgrades take, with one reboot if any of them needs it."""
        total = sum((c.duration for c in components), timedelta())
        return total + (self.cluster.stack.reboot_duration if any(c.reboot for c in components) else timedelta())

    def words(self, opening: str) -> str:
        """The opening, followed by every reason why something does not board."""
        return "; ".join((opening, *(f"{name}: {why}" for name, why in self.deferred.items())))

    def _note_drift(self, observed: Mapping[str, str]) -> bool:
        """Say what is off its pin, or not observed to be on it; whether anything is."""
        off = {name: pinned for name, pinned in self.cluster.pins.items() if observed.get(name) != pinned}
        for name, pinned in off.items():
            found = observed.get(name, "no known version")
            self.deferred[name] = f"pinned at {pinned}, the host carries {found}, which boarding can't change"
        return bool(off)

    def _due(self) -> tuple[Component, ...]:
        stack = self.cluster.stack
        wanted = [c for c in stack.components if c.name in self.desired and stack.host_facing(c)]
        # The way back from an offboarded version before all else, then by priority; among equals the stack's order.
        wanted.sort(key=lambda c: self.first.get(c.name, (False, 0)), reverse=True)
        for component in wanted:
            if component.name not in self.base:
                self.deferred[component.name] = "its version on this host is not known"
        return tuple(c for c in wanted if c.name in self.base and self.base[c.name] != self.desired[c.name])

    def _units(self) -> list[_Unit]:
        """Due components by priority, atomic ones joined; a unit with a member of unknown version can't board."""
        units, seen = [], set[str]()
        for component in self.due:
            if component.name in seen:
                continue
            group = atomic_group(self.cluster, component.name)
            seen |= group
            members = tuple(c for c in self.due if c.name in group)
            blocked = next((name for name in sorted(group) if name in self.desired and name not in self.base), None)
            if blocked is None:
                units.append(members)
            else:
                self._defer([members], f"it boards only together with {blocked}, whose version is not known")
        return units

    def _choose(self, units: Sequence[_Unit]) -> tuple[Component, ...]:
        """Pack, leave out what keeps the set from being allowed, and pack again with the room that leaves."""
        left = list(units)
        while True:
            packed = self._pack(left)
            dropped = self._smallest_removal(packed)
            if not dropped:
                break
            left = [u for u in left if u not in dropped]
        self._defer(
            [u for u in left if u not in packed],
            f"it does not fit into the visit budget of {format_duration(self.pool.visit_budget)} this time",
        )
        return _joined(packed)

    def _pack(self, units: Sequence[_Unit]) -> list[_Unit]:
        packed: list[_Unit] = []
        for unit in units:
            if self.cost(_joined([*packed, unit])) <= self.pool.visit_budget:
                packed.append(unit)
        return packed

    def _smallest_removal(self, packed: list[_Unit]) -> list[_Unit]:
        """The fewest units, lowest priority first, without which the set is allowed; all of them if nothing helps."""
        verdict = self.judge(_joined(packed))
        if verdict.allowed or not packed:
            return []
        backwards = packed[::-1]
        removals = (list(r) for size in range(1, len(packed)) for r in combinations(backwards, size))
        for dropped in islice(removals, REMOVALS_TRIED):
            if self.judge(_joined([u for u in packed if u not in dropped])).allowed:
                return self._defer(dropped, f"the set with it would not be allowed: {verdict.reason}")
        kept: list[_Unit] = []
        for unit in packed:
            if self.judge(_joined([*kept, unit])).allowed:
                kept.append(unit)
        dropped = [u for u in packed if u not in kept]
        return self._defer(dropped, f"the set with it would not be allowed: {verdict.reason}")

    def _defer(self, units: list[_Unit], reason: str) -> list[_Unit]:
        for component in _joined(units):
            self.deferred[component.name] = reason
        return units


def atomic_group(cluster: Cluster, name: str) -> set[str]:
    """The component and all that board only together with it, whichever of them says so."""
    links = {(c.name, other) for c in cluster.stack.components for other in c.atomic_with}
    group, size = {name}, 0
    while len(group) != size:
        size = len(group)
        group |= {b for a, b in links if a in group} | {a for a, b in links if b in group}
    return group


def _joined(units: Sequence[_Unit]) -> tuple[Component, ...]:
    return tuple(c for unit in units for c in unit)
