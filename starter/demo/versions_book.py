"""The observer's record of versions: what hosts were brought, and what was taken from them again.

A version counts as offboarded when some host went back from it to the version before, and no host in production
carries it now. That is how an offboarding looks from outside, knowing nothing of rollouts.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from drivers.snapshot import HostSeen
from fleet import ids
from fleet.hostlist import natural_key

_REPAIR = ids.drain_reason(ids.REPAIR, "")


class _Brought(NamedTuple):
    version: str
    before: str | None
    reason: str | None
    """The drain's, which names the operation."""


class VersionsBook:
    """Changes of versions on hosts, in their order."""

    def __init__(self) -> None:
        self._brought: dict[tuple[str, str], _Brought] = {}
        """(Host, component): its last change."""
        self._taken_back: Counter[tuple[str, str]] = Counter()
        """(Component, version): hosts that went back from it."""
        self._ways: dict[str, set[str]] = {"visit": set(), "repair": set(), "later": set()}
        """Hosts by the way they went back: in the visit that had brought it, in repair, in a later visit."""
        self.taken_back_at_once = 0
        """Changes that the same operation undid which had made them."""

    def note(self, host: str, component: str, version: str, before: str | None, reason: str | None) -> bool:
        """A version came into effect on a host, drained for that reason; whether it is another than before."""
        if version == before:
            return False
        last = self._brought.get((host, component))
        if last is not None and (last.version, last.before) == (before, version):
            self._taken_back[component, last.version] += 1
            self.taken_back_at_once += last.reason == reason
            repaired = (reason or "").startswith(_REPAIR)
            self._ways["visit" if last.reason == reason else "repair" if repaired else "later"].add(host)
        self._brought[host, component] = _Brought(version, before, reason)
        return True

    def report(self, seen: Mapping[str, HostSeen]) -> dict[str, Any]:
        """The figures, by how the hosts stand now."""
        production = self._in_production(seen)
        off = [(c, v) for c, v in self._taken_back if v not in production.get(c, {})]
        return {
            "offboarded": sorted(f"{component} {version}" for component, version in off),
            "taken_back": self._taken_back.total(),
            "taken_back_in_visit": self.taken_back_at_once,
            "taken_back_by": {way: sorted(hosts, key=natural_key) for way, hosts in self._ways.items()},
            "still_on_offboarded": sorted(
                (host for host, now in seen.items() if any(now.versions.get(c) == v for c, v in off)), key=natural_key
            ),
            "in_production": production,
        }

    def _in_production(self, seen: Mapping[str, HostSeen]) -> dict[str, dict[str, int]]:
        """Hosts in production by component that was changed on any host, and by version."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for component in sorted({c for _, c in self._brought}):
            for host in seen.values():
                if host.up and component in host.versions:
                    found[component][host.versions[component]] += 1
        return {component: dict(sorted(count.items())) for component, count in found.items()}
