"""What a host is wanted to carry, and who says so: rollouts first, then the fleet file's `desired`.

For one component, in this order: the rollout that is open for the host (of several the higher priority, then the
older); the way back from an offboarded version; the last rollout that completed; the fleet file. A host that waits for
its phase keeps what it has, and nothing else brings it a version that a rollout has not brought it yet.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.pool import Pool
from fleet.models.rollout import RollBack, RolloutSpec
from fleet.models.rollouts import OPEN_STATES, Offboarded, Rollout, RolloutFacts, RolloutState, Wanted, WantedSet
from fleet.policy.cohorts import in_scope, phase_of
from fleet.policy.emergency_wish import with_urgent
from fleet.policy.packing import atomic_group
from fleet.policy.version_patterns import matches

FLEET_FILE = "fleet file"
NO_ROLLOUTS = RolloutFacts()


def wanted(
    cluster: Cluster, pool: Pool, host: Host | None, observed: Mapping[str, str], facts: RolloutFacts
) -> WantedSet:
    """What the host should carry next, by component; for an upgrade with stages, the stage that comes next.

    Without rollouts that is what the fleet file desires. A host that is no member any more (None) is nobody's. What an
    emergency wants goes before both.
    """
    wish = _without_urgent(cluster, pool, host, observed, facts)
    return with_urgent(wish, host, facts, offboarded(facts.rollouts) if facts.urgent else (), observed)


def _without_urgent(
    cluster: Cluster, pool: Pool, host: Host | None, observed: Mapping[str, str], facts: RolloutFacts
) -> WantedSet:
    desired = cluster.desired_in(pool)
    rollouts = [r for r in facts.rollouts if host is not None and in_scope(r.spec, host)]
    if not facts.rollouts:
        return WantedSet(wanted=tuple(_by_file(c, v) for c, v in desired.items()), reason="by the fleet file")
    frozen = facts.cohorts.get(host.name, {}) if host is not None else {}
    found: list[Wanted] = []
    waits: dict[str, str] = {}
    named = dict.fromkeys((*desired, *(r.spec.component for r in facts.rollouts)))
    for component in named:
        case = _Case(component, desired.get(component), rollouts, facts.rollouts, frozen, observed)
        answer = case.answer()
        if answer is not None:
            found.append(answer)
        if case.waits:
            waits[component] = "; ".join(case.waits)
    kept = _boarded_apart(cluster, host.name if host else "", found, observed, facts.rollouts, waits)
    sources = dict.fromkeys(w.source for w in kept)
    return WantedSet(wanted=kept, waits=waits, reason=f"by {', '.join(sources) or 'nobody'}")


def offboarded(rollouts: Sequence[Rollout]) -> tuple[Offboarded, ...]:
    """Versions that board nowhere any more; `rollouts` are all of the components concerned.

    A stage goes with its rollout, unless another one that was not offboarded brings just that version: then it has
    nothing to do with what came after it.
    """
    stand = {(r.spec.component, r.spec.version) for r in rollouts if r.state is not RolloutState.OFFBOARDED}
    return tuple(
        Offboarded(
            rollout=r.id,
            component=r.spec.component,
            versions=tuple(v for v in r.spec.versions if (r.spec.component, v) not in stand),
            prior=r.spec.prior,
            roll_back=r.roll_back or r.spec.on_offboard.roll_back,
            reason=r.reason,
        )
        for r in rollouts
        if r.state is RolloutState.OFFBOARDED
    )


class _Case:
    """One component on one host."""

    def __init__(
        self,
        component: str,
        desired: str | None,
        scoped: Sequence[Rollout],
        everywhere: Sequence[Rollout],
        frozen: Mapping[str, int],
        observed: Mapping[str, str],
    ) -> None:
        self.component, self.desired, self.frozen, self.observed = component, desired, frozen, observed
        self.current = observed.get(component)
        self.known = {r.id: r for r in everywhere}
        self.bad = {
            v: o for o in offboarded([r for r in everywhere if r.spec.component == component]) for v in o.versions
        }
        mine = [r for r in scoped if r.spec.component == component]
        under_way = [r for r in mine if r.state in OPEN_STATES]
        self.under_way = sorted(under_way, key=lambda r: (-r.spec.priority, r.started_at, r.id))
        done = [r for r in mine if r.state is RolloutState.COMPLETE]
        self.complete = max(done, key=lambda r: (r.changed_at, r.id), default=None)
        self.waits: list[str] = []

    def answer(self) -> Wanted | None:
        """The version to reach, or None: nobody wants another than there is."""
        if self.under_way:
            first, others = self.under_way[0], self.under_way[1:]
            self.waits += [f"{other.id} waits for {first.id}, which goes first" for other in others]
            shut = self._shut(first)
            if not shut:
                # One whose next stage was offboarded keeps no host on another version that was.
                return self._by_rollout(first) or self._back()
            self.waits.append(f"{first.id} {shut}")
        back = self._back()
        if back is not None:
            return back
        return self._settled()

    def _shut(self, rollout: Rollout) -> str:
        """Why a rollout is not open for this host; empty when it is."""
        if rollout.state is RolloutState.PAUSED:
            return f"is paused: {rollout.reason}"
        phase = phase_of(rollout.spec, self.frozen.get(rollout.id))
        if phase > rollout.phase:
            return f"reaches this host in phase {rollout.phase_name(phase)}, which is not open"
        return dependency(rollout, self.known, self.observed)

    def _by_rollout(self, rollout: Rollout) -> Wanted | None:
        version = next_version(rollout.spec, self.current)
        stage = "" if version == rollout.spec.version else f", on the way to {rollout.spec.version}"
        if version in self.bad:
            self.waits.append(f"{rollout.id} waits: {version} was offboarded by {self.bad[version].rollout}")
            return None
        return Wanted(
            component=self.component,
            version=version,
            source=f"rollout {rollout.id}",
            priority=rollout.spec.priority,
            reason=f"rollout {rollout.id}, phase {rollout.phase_name(rollout.phase)} is open{stage}",
        )

    def _back(self) -> Wanted | None:
        """The way back from an offboarded version."""
        end = self.bad.get(self.current) if self.current is not None else None
        if end is None or end.roll_back is RollBack.LEAVE:
            return None
        version, passed = end.prior, {self.current}
        while version in self.bad and version not in passed:  # the prior of a prior that was offboarded, too
            passed.add(version)
            version = self.bad[version].prior
        if version in self.bad:
            self.waits.append(f"{end.rollout} was offboarded, and so was {end.prior}, its prior version")
            return None
        return Wanted(
            component=self.component,
            version=version,
            source=f"rollout {end.rollout}",
            back=True,
            reason=f"{end.rollout} was offboarded: {end.reason}",
        )

    def _settled(self) -> Wanted | None:
        """What is wanted where no rollout is open: the last complete one's version, else the fleet file's."""
        if self.current is not None and self.current in self.bad:
            return None  # it stays
        if any(self.current in r.spec.versions for r in self.under_way):
            return None  # a rollout brought it, and goes on
        version, source = self.desired, FLEET_FILE
        if self.complete is not None:
            version, source = self.complete.spec.version, f"rollout {self.complete.id}"
        if version is None:
            return None
        if version in self.bad:
            self.waits.append(f"{source} wants {version}, which {self.bad[version].rollout} offboarded")
            return None
        if any(version in r.spec.versions for r in self.under_way):
            return None  # said by `_shut`
        return Wanted(component=self.component, version=version, source=source, reason=f"{source} wants {version}")


def next_version(spec: RolloutSpec, current: str | None) -> str:
    """The version that a rollout brings a host which carries `current`: the stage after that, the first, or its own."""
    path = spec.versions
    at = path.index(current) + 1 if current in path else 0
    return path[min(at, len(path) - 1)]


def dependency(rollout: Rollout, known: Mapping[str, Rollout], observed: Mapping[str, str]) -> str:
    """What a rollout waits for on a host before it may board; empty when for nothing."""
    for needed in rollout.spec.depends_on:
        component, _, version = needed.partition("/")
        other = known.get(needed)
        if other is not None and other.state is RolloutState.OFFBOARDED:
            return f"depends on {needed}, which was offboarded: {other.reason}"
        carried = observed.get(component)
        if carried is None or (carried != version and not matches(f">={version}", carried)):
            return f"depends on {needed}, and this host carries {carried or 'no known version'} of {component}"
    return ""


def _by_file(component: str, version: str) -> Wanted:
    return Wanted(component=component, version=version, source=FLEET_FILE, reason=f"{FLEET_FILE} wants {version}")


def _boarded_apart(
    cluster: Cluster,
    host: str,
    found: Sequence[Wanted],
    observed: Mapping[str, str],
    rollouts: Sequence[Rollout],
    waits: dict[str, str],
) -> tuple[Wanted, ...]:
    """Leave one of two out that blame wants to see apart: on half of the hosts the one, on half the other. Not where
    one boards only with the other: they would never be seen apart, or be there in halves.
    """
    apart = {frozenset((r.id, other)) for r in rollouts if r.state is RolloutState.RUNNING for other in r.apart}
    # The way back from an offboarded version waits for nothing.
    due = {w.source.removeprefix("rollout "): w for w in found if not w.back and observed.get(w.component) != w.version}
    dropped: set[str] = set()
    for one, other in combinations(sorted(due), 2):
        if frozenset((one, other)) not in apart or {one, other} & dropped:
            continue
        if due[other].component in atomic_group(cluster, due[one].component):
            continue
        odd = hashlib.sha256(f"{host}\n{one}\n{other}".encode()).digest()[0] & 1
        leaves, stays = (one, other) if odd else (other, one)
        dropped.add(leaves)
        waits[due[leaves].component] = f"{leaves} boards apart from {stays}: which of them fails hosts is to be told"
    return tuple(w for w in found if w.source.removeprefix("rollout ") not in dropped)
