"""A version that is offboarded in mid visit: who no longer gets it, and the way back for a host that just did.

What is undone in the same visit: every upgrade of this work that was offboarded since, what boards only together with
it, and all the rest where that alone would not be allowed. The way back leads to the version that the host had before,
by the intents, then through every verification and a new gate.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.fleetfile import Cluster
from fleet.models.intent import Intent
from fleet.models.matrix import MatrixEntry
from fleet.models.rollout import RollBack
from fleet.models.rollouts import Offboarded
from fleet.models.stack import Component, Upgrade
from fleet.models.verification import VerificationTask
from fleet.models.work import Step, StepKind
from fleet.policy.compatibility import allowed
from fleet.policy.packing import atomic_group

_ROUND = re.compile(r":back(\d+)$")
_BACK = re.compile(r"apply:(.+):back\d+$")
MOST_ROUNDS = 3
"""Ways back that one work takes: after that many a person must look."""


def ended_by(upgrade: Upgrade, boarded: Iterable[Upgrade], ended: Sequence[Offboarded], cluster: Cluster) -> str:
    """Why an upgrade is not to be applied any more; empty when it may: it, or what boards only with it, was offboarded.

    `boarded` are the upgrades of the same work.
    """
    group = atomic_group(cluster, upgrade.component)
    for other in (upgrade, *(u for u in boarded if u.component in group)):
        end = offboarded_by(other, ended)
        if end is not None:
            which = "it" if other == upgrade else f"{other.component} {other.version}, with which it boards,"
            return f"{upgrade.component} {upgrade.version} is left out: {which} was offboarded: {end.reason}"
    return ""


def offboarded_by(upgrade: Upgrade, ended: Iterable[Offboarded]) -> Offboarded | None:
    """What offboarded a version; None while it may board."""
    return next((e for e in ended if e.component == upgrade.component and upgrade.version in e.versions), None)


def still_carried(versions: Mapping[str, str], ended: Iterable[Offboarded]) -> str:
    """Which offboarded version a host carries that is to be rolled back wherever it is; empty for none."""
    for end in ended:
        version = versions.get(end.component)
        if version in end.versions and end.roll_back is not RollBack.LEAVE:
            return f"{end.component} {version} was offboarded: {end.reason}"
    return ""


def to_undo(applied: Sequence[Upgrade], ended: Sequence[Offboarded], cluster: Cluster) -> tuple[Upgrade, ...]:
    """Upgrades of this work that were offboarded since, with those of it that make no sense without them."""
    gone = {u.component for u in applied if offboarded_by(u, ended) is not None}
    bound = {name for component in gone for name in atomic_group(cluster, component)}
    return tuple(u for u in applied if u.component in bound)


def left_over(
    boarded: Sequence[Upgrade],
    ended: Sequence[Offboarded],
    cluster: Cluster,
    observed: Mapping[str, str],
    entries: Sequence[MatrixEntry],
) -> str:
    """Why nothing of a boarding is to be begun any more, since what is left of it once the offboarded is left out would
    not be allowed; empty when it would, or when nothing of it was offboarded. `observed` is from before the visit.
    """
    left = [u for u in boarded if not ended_by(u, boarded, ended, cluster)]
    if len(left) in (0, len(boarded)):
        return ""
    verdict = allowed({**observed, **{u.component: u.version for u in left}}, cluster, entries)
    return (
        "" if verdict.allowed else f"with what was offboarded left out, the set would not be allowed: {verdict.reason}"
    )


def undone_whole(
    undo: Sequence[Upgrade],
    applied: Sequence[Upgrade],
    intents: Sequence[Intent],
    ended: Sequence[Offboarded],
    cluster: Cluster,
    versions: Mapping[str, str],
    entries: Sequence[MatrixEntry],
) -> tuple[Upgrade, ...]:
    """All of what was applied where that leads to an allowed set, and undoing `undo` alone would not; else `undo`."""

    def leads_to_allowed(undone: Sequence[Upgrade]) -> bool:
        before = {u.component: version for u in undone if (version := _before(u, intents, ended)) is not None}
        return len(before) == len(undone) and allowed({**versions, **before}, cluster, entries).allowed

    whole = not leads_to_allowed(undo) and leads_to_allowed(applied)
    return tuple(applied if whole else undo)


def way_back(
    undo: Sequence[Upgrade],
    intents: Sequence[Intent],
    ended: Sequence[Offboarded],
    cluster: Cluster,
    verify: Sequence[VerificationTask],
    verify_duration: timedelta,
) -> tuple[Step, ...] | None:
    """Steps that undo these upgrades; None when there is no way back any more, which is a person's to look at."""
    number = 1 + len({round_[1] for i in intents if (round_ := _ROUND.search(i.step))})
    targets = {u.component: _before(u, intents, ended) for u in undo}
    known = [c for c in cluster.stack.components if c.name in targets]
    if number > MOST_ROUNDS or None in targets.values() or len(known) != len(targets):
        return None
    # What was applied last is undone first.
    known.sort(key=lambda c: (-cluster.stack.depth(c), -cluster.stack.components.index(c)))
    steps = [_apply(c, targets[c.name] or "", number) for c in known]
    if any(c.reboot for c in known):
        steps.append(_step(f"reboot:back{number}", StepKind.REBOOT, cluster.stack.reboot_duration))
    steps += [
        _step(f"verify:{t}:back{number}", StepKind.VERIFY, verify_duration, task=t) for t in dict.fromkeys(verify)
    ]
    return (*steps, _step(f"gate:back{number}", StepKind.GATE, timedelta()))


def back_of(step: str) -> str | None:
    """The component that a step of the way back brings to another version, by the step's key; None for other steps."""
    found = _BACK.match(step)
    return found[1] if found else None


def _before(upgrade: Upgrade, intents: Iterable[Intent], ended: Sequence[Offboarded]) -> str | None:
    """The version that the host had before this upgrade; the rollout's prior where that is not known, or is bad too."""
    keys = (f"apply:{upgrade.component}",)
    noted = [i.before.version for i in intents if i.step in keys and i.before.version is not None]
    end = offboarded_by(upgrade, ended)
    for version in (*noted, *([end.prior] if end is not None else [])):
        found = Upgrade(component=upgrade.component, version=version)
        if version != upgrade.version and offboarded_by(found, ended) is None:
            return version
    return None


def _apply(component: Component, version: str, number: int) -> Step:
    upgrade = Upgrade(component=component.name, version=version)
    return _step(f"apply:{component.name}:back{number}", StepKind.APPLY, component.duration, upgrade=upgrade)


def _step(
    key: str,
    kind: StepKind,
    expected: timedelta,
    *,
    upgrade: Upgrade | None = None,
    task: VerificationTask | None = None,
) -> Step:
    return Step(key=key, kind=kind, upgrade=upgrade, task=task, safe_before=False, expected=expected, back=True)
