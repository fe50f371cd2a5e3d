"""The observer's count of what jobs see: by pinned component, the versions on hosts that serve jobs, now.

A host serves while the scheduler may start a job on it, or one runs on it. All of a cluster's serving hosts carry one
version of each pinned component, at every instant.
"""

from collections import Counter
from collections.abc import Iterable

from drivers.snapshot import HostSeen


class PinsBook:
    """Counts over the hosts of one cluster. Hosts whose version nobody knows are not counted."""

    def __init__(self, pins: Iterable[str]) -> None:
        self._serving: dict[str, Counter[str]] = {name: Counter() for name in sorted(set(pins))}
        self._mixed: frozenset[str] = frozenset()

    def move(self, before: HostSeen | None, now: HostSeen) -> None:
        """A host went from one state to another."""
        for component, count in self._serving.items():
            was, is_ = _shown(before, component), _shown(now, component)
            if was == is_:
                continue
            if was is not None:
                count[was] -= 1
                if not count[was]:
                    del count[was]
            if is_ is not None:
                count[is_] += 1

    def newly_mixed(self) -> tuple[str, ...]:
        """Components of which more than one version serves jobs now, and only one did when this was last asked."""
        mixed = frozenset(name for name, count in self._serving.items() if len(count) > 1)
        new = mixed - self._mixed
        self._mixed = mixed
        return tuple(sorted(new))

    def told(self, component: str) -> str:
        """The versions of a component that serve jobs, with the number of hosts of each."""
        return ", ".join(f"{version} on {n}" for version, n in sorted(self._serving[component].items()))

    def report(self) -> dict[str, dict[str, int]]:
        """Hosts that serve jobs by component and version."""
        return {component: dict(sorted(count.items())) for component, count in self._serving.items()}


def _shown(seen: HostSeen | None, component: str) -> str | None:
    return seen.versions.get(component) if seen is not None and seen.serves else None
