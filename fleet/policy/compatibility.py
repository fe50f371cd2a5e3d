"""Which sets of versions are allowed, by the compatibility matrix.

A set is allowed if for each pin tested entries cover every host-facing component that relates to it, and no broken
entry matches. What isn't known is neither covered nor ruled out as broken.
"""

from collections.abc import Iterable, Mapping, Sequence

from fleet.models.base import Decision, Fact, Moment
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry, Verdict
from fleet.models.stack import Component
from fleet.policy.version_patterns import matches


class Gap(Fact):
    """A related component that no tested entry covers for a pin. `version` None: it is not known."""

    component: str
    version: str | None
    pin: str
    pinned: str

    @property
    def reason(self) -> str:
        """The gap in words."""
        if self.version is None:
            return f"the version of {self.component} is not known"
        return f"{self.component} {self.version} is not tested with {self.pin} {self.pinned} in this set"


class Allowed(Decision):
    """Whether a set of versions may be in production. `uncovered` names components, `broken` tells the entry."""

    allowed: bool
    uncovered: tuple[str, ...] = ()
    broken: str = ""


def allowed(versions: Mapping[str, str], cluster: Cluster, entries: Sequence[MatrixEntry]) -> Allowed:
    """Judge the host-facing `versions` against the cluster's own entries and the published ones.

    Job-facing components in `versions` are ignored: their versions are the cluster's pins. A related component whose
    version is missing makes the set not allowed. Raises ValueError for an entry with a malformed pattern.
    """
    every = (*cluster.matrix, *entries)
    broken = next((e for e in every if e.verdict is Verdict.BROKEN and _may_match(e, versions, cluster)), None)
    if broken is not None:
        found = describe(broken)
        return Allowed(allowed=False, broken=found, reason=f"the matrix lists {found} as broken")
    found_gaps = gaps(versions, cluster, entries)
    if found_gaps:
        names = tuple(dict.fromkeys(gap.component for gap in found_gaps))
        more = f" (and {len(found_gaps) - 1} more)" if len(found_gaps) > 1 else ""
        return Allowed(allowed=False, uncovered=names, reason=found_gaps[0].reason + more)
    return Allowed(allowed=True, reason="tested entries cover every related component, and none is broken")


def gaps(versions: Mapping[str, str], cluster: Cluster, entries: Sequence[MatrixEntry]) -> tuple[Gap, ...]:
    """Related components that no matching tested entry covers for their pin, in the order of pins and components."""
    every = (*cluster.matrix, *entries)
    tested = [e for e in every if e.verdict is Verdict.TESTED and _matches(e, versions, cluster)]
    return tuple(_gaps(versions, cluster, tested))


def related(cluster: Cluster, pin: str) -> tuple[Component, ...]:
    """Host-facing components declared to relate to a pinned one, in the order of the file."""
    return tuple(c for c in cluster.stack.components if pin in c.relates_to and cluster.stack.host_facing(c))


def describe(entry: MatrixEntry) -> str:
    """An entry in words, with where its evidence is."""
    parts = [f"{name} {pattern}" for name, pattern in entry.components.items()]
    pins = [f"{name} {pattern}" for name, pattern in entry.pins.items()]
    text = " + ".join(parts) + (f" with {', '.join(pins)}" if pins else "")
    return text + (f" ({entry.evidence})" if entry.evidence else "")


def adopt(
    cluster: Cluster, observed: Mapping[str, Mapping[str, str]], author: str, now: Moment, evidence: str
) -> tuple[MatrixEntry, ...]:
    """Tested entries for what runs in production: one for each pin and each combination of related versions.

    `observed` is component → version by host. A host proves something for a pin only if it reports that pin's
    version and every related component; others add nothing.
    """
    found = []
    for pin, pinned in cluster.pins.items():
        names = [c.name for c in related(cluster, pin)]
        combinations = {
            tuple(versions[name] for name in names)
            for versions in observed.values()
            if names and versions.get(pin) == pinned and all(name in versions for name in names)
        }
        found += [
            MatrixEntry(
                components=dict(zip(names, combination, strict=True)),
                pins={pin: pinned},
                author=author,
                at=now,
                evidence=evidence,
            )
            for combination in sorted(combinations)
        ]
    return tuple(found)


def _gaps(versions: Mapping[str, str], cluster: Cluster, tested: Sequence[MatrixEntry]) -> Iterable[Gap]:
    for pin, pinned in cluster.pins.items():
        covered = {name for entry in tested if pin in entry.pins for name in entry.components}
        for component in related(cluster, pin):
            version = versions.get(component.name)
            if version is None or component.name not in covered:
                yield Gap(component=component.name, version=version, pin=pin, pinned=pinned)


def _matches(entry: MatrixEntry, versions: Mapping[str, str], cluster: Cluster) -> bool:
    """True when all that the entry names is there in a version that fits."""
    return _pins_match(entry, cluster) and all(
        name in versions and matches(pattern, versions[name]) for name, pattern in entry.components.items()
    )


def _may_match(entry: MatrixEntry, versions: Mapping[str, str], cluster: Cluster) -> bool:
    """Like `_matches`, but a component of this stack whose version is not known can't be ruled out."""
    return _pins_match(entry, cluster) and all(
        matches(pattern, versions[name]) if name in versions else cluster.stack.component(name) is not None
        for name, pattern in entry.components.items()
    )


def _pins_match(entry: MatrixEntry, cluster: Cluster) -> bool:
    return all(name in cluster.pins and matches(pattern, cluster.pins[name]) for name, pattern in entry.pins.items())
