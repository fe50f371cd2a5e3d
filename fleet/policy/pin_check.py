"""May every host carry the old pin and the new one? If not: which can't, why, and by which host-facing versions they
could. A sliding co-rollout is found where some version is tested with both; a switch is breaking where one is tested
with the new pin alone; else something must be tested first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from itertools import islice, product

from pydantic import Field

from fleet.hostlist import some
from fleet.models.base import Decision, Fact
from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.policy.compatibility import allowed, related
from fleet.policy.drift import host_facing
from fleet.policy.version_patterns import compare, is_exact

MOST_TRIED = 2000
"""Sets that are tried in search of one that both pins were tested with."""


class PinGap(Fact):
    """Hosts alike that may not carry the new pin, or not the old one, as they are."""

    hosts: tuple[str, ...]
    reason: str


class PinCheck(Decision):
    """The answer of the check before a pin switch."""

    ok: bool
    """Every host's set is allowed with both pins; or, with versions that move together, before and after."""
    gaps: tuple[PinGap, ...] = ()
    co_rollouts: dict[str, str] = Field(default_factory=dict)
    """Component → version: with these, which slide, every host gets where both pins are tested."""
    breaking: dict[str, str] = Field(default_factory=dict)
    """Component → version: tested with the new pin only, so they would have to move in the same window."""


def with_pin(cluster: Cluster, component: str, version: str) -> Cluster:
    """The cluster as it would be with that pin."""
    return cluster.model_copy(update={"pins": {**cluster.pins, component: version}})


def check_switch(
    cluster: Cluster,
    component: str,
    version: str,
    together: Mapping[str, str],
    production: Mapping[str, Mapping[str, str]],
    entries: Sequence[MatrixEntry],
) -> PinCheck:
    """Judge every host in production. `production` is component → version by host, `entries` the published part of
    the matrix. Raises ValueError for an entry with a malformed pattern.
    """
    future = with_pin(cluster, component, version)
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, versions in production.items():
        alike[host_facing(cluster, versions)].append(host)
    judged = _Judge(cluster, future, together, entries)
    gaps = [
        PinGap(hosts=tuple(sorted(hosts)), reason=why) for chosen, hosts in alike.items() if (why := judged(chosen))
    ]
    if not gaps:
        return PinCheck(ok=True, reason=f"all {len(production)} hosts in production may carry both pins")
    gaps.sort(key=lambda gap: (-len(gap.hosts), gap.reason))
    count = sum(len(gap.hosts) for gap in gaps)
    why = f"{count} of {len(production)} hosts may not carry {component} {version} as they are, such as "
    told = f"{why}{some(gaps[0].hosts)}: {gaps[0].reason}"
    stuck = [dict(chosen) for chosen in alike if judged(chosen)]
    names = [c.name for c in related(future, component)]
    by_both = _way(stuck, names, (cluster, future), entries)
    if by_both is not None:
        moves = ", ".join(f"{name} {v}" for name, v in by_both.items())
        return PinCheck(ok=False, gaps=tuple(gaps), co_rollouts=by_both, reason=f"{told}; {moves} gets them there")
    by_new = _way(stuck, names, (future,), entries)
    if by_new is not None:
        moves = ", ".join(f"{name} {v}" for name, v in by_new.items())
        breaking = f"no version is tested with both pins, so {moves} would have to move in the same window (--together)"
        return PinCheck(ok=False, gaps=tuple(gaps), breaking=by_new, reason=f"{told}; {breaking}")
    unread = all(name not in versions for versions in stuck for name in names)
    missing = "their versions must be read first" if unread else "something must be tested with it first"
    return PinCheck(ok=False, gaps=tuple(gaps), reason=f"{told}; {missing}")


def misfits(
    cluster: Cluster, read_back: Mapping[str, Mapping[str, str]], entries: Sequence[MatrixEntry]
) -> tuple[PinGap, ...]:
    """Hosts whose versions are not allowed with the pins of `cluster`, most of one kind first."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, versions in read_back.items():
        alike[host_facing(cluster, versions)].append(host)
    judged = ((hosts, allowed(dict(chosen), cluster, entries)) for chosen, hosts in alike.items())
    gaps = [PinGap(hosts=tuple(sorted(hosts)), reason=found.reason) for hosts, found in judged if not found.allowed]
    return tuple(sorted(gaps, key=lambda gap: (-len(gap.hosts), gap.reason)))


class _Judge:
    """Why a host-facing set can't go through the switch; empty when it can."""

    def __init__(
        self, cluster: Cluster, future: Cluster, together: Mapping[str, str], entries: Sequence[MatrixEntry]
    ) -> None:
        self.cluster, self.future, self.together, self.entries = cluster, future, together, entries

    def __call__(self, chosen: tuple[tuple[str, str], ...]) -> str:
        before = dict(chosen)
        now = allowed(before, self.cluster, self.entries)
        if not now.allowed:
            return f"with the pin in force, {now.reason}"
        missing = [name for name in self.together if name not in before]
        if missing:
            return f"the version of {missing[0]} on them is not known"
        then = allowed({**before, **self.together}, self.future, self.entries)
        return "" if then.allowed else then.reason


def _way(
    stuck: Sequence[Mapping[str, str]], names: Sequence[str], pins: Sequence[Cluster], entries: Sequence[MatrixEntry]
) -> dict[str, str] | None:
    """The fewest versions of related components, the newest of them, with which every stuck set is allowed with all of
    these pins; None when the matrix names none.
    """
    every = (*pins[0].matrix, *entries)
    known: dict[str, list[str]] = {}
    for name in names:
        found = {e.components[name] for e in every if name in e.components and is_exact(e.components[name])}
        found |= {v[name] for v in stuck if name in v}
        known[name] = sorted(sorted(found), key=cmp_to_key(compare), reverse=True)
    choices = product(*([None, *known[name]] for name in names))
    ways = [
        {n: v for n, v in zip(names, choice, strict=True) if v is not None} for choice in islice(choices, MOST_TRIED)
    ]
    ways.sort(key=len)
    for way in ways:
        if way and all(allowed({**s, **way}, cluster, entries).allowed for s in stuck for cluster in pins):
            return way
    return None
