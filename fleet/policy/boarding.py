"""Which upgrades board on a host, as steps: deepest layer first, with one reboot at the end, then the verifications."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.rollouts import WantedSet
from fleet.models.stack import Component, Upgrade
from fleet.models.work import BoardAction, Boarding, Step, StepKind
from fleet.policy.packing import Packing, atomic_group


def board(
    cluster: Cluster,
    pool: Pool,
    observed: Mapping[str, str],
    entries: Sequence[MatrixEntry],
    wanted: WantedSet | None = None,
) -> Boarding:
    """What a visit does on a host whose versions are `observed`; `entries` are the published part of the matrix.

    `wanted` is what the host is to carry (`fleet.policy.wanted`); by default what the fleet file desires.

    `CURRENT`: nothing is due. `NOT_ALLOWED`: something is, and no part of it leads to an allowed set, or a pinned
    component is off its pin: boarding can't change that, and the gate would let nothing of the kind return.
    """
    plan = Packing(cluster, pool, observed, entries, wanted)
    if not plan.due:
        return Boarding(
            action=BoardAction.CURRENT, resulting=plan.base, deferred=plan.deferred, reason=plan.words("nothing is due")
        )
    if plan.drifted or not plan.boarded:
        off_pins = "the host is off its pins, which the gate would not let pass"
        why = off_pins if plan.drifted else "nothing that is due may board"
        return Boarding(
            action=BoardAction.NOT_ALLOWED, resulting=plan.base, deferred=plan.deferred, reason=plan.words(why)
        )
    drain = Step(key="drain", kind=StepKind.DRAIN, expected=pool.drain.deadline)
    return _visit(plan, (drain, *_applies(plan, untouched=True), *_closing(pool)))


def repair_steps(
    cluster: Cluster,
    pool: Pool,
    observed: Mapping[str, str],
    entries: Sequence[MatrixEntry],
    wanted: WantedSet | None = None,
) -> Boarding:
    """What a repaired host does before it may return: what it would have boarded, the pins in force, which may have
    changed while it was out, and every verification.

    It is out already, so there is no drain. `NOT_ALLOWED` only when the set it would return with is not allowed.
    """
    plan = Packing(cluster, pool, observed, entries, wanted)
    verdict = plan.judge(plan.boarded)
    if not verdict.allowed:
        return Boarding(
            action=BoardAction.NOT_ALLOWED,
            resulting=plan.result(plan.boarded),
            deferred=plan.deferred,
            reason=plan.words(f"the host may not return: {verdict.reason}"),
        )
    pins = _off_pins(plan, observed)
    for component in pins:
        del plan.deferred[component.name]
    return _visit(plan, (*_applies(plan, untouched=False, pins=pins), *_closing(pool)))


def _off_pins(plan: Packing, observed: Mapping[str, str]) -> tuple[Component, ...]:
    """Job-facing components whose version on the host is known, and not the one in force."""
    pins = plan.cluster.pins
    return tuple(
        c
        for c in plan.cluster.stack.components
        if c.name in pins and observed.get(c.name, pins[c.name]) != pins[c.name]
    )


def _applies(plan: Packing, *, untouched: bool, pins: Sequence[Component] = ()) -> list[Step]:
    """Apply steps deepest layer first, then the reboot. `untouched`: before the first of them nothing has changed."""
    stack, targets = plan.cluster.stack, {**plan.desired, **plan.cluster.pins}
    order = {c.name: place for place, c in enumerate(stack.components)}
    components = sorted((*plan.boarded, *pins), key=lambda c: (stack.depth(c), order[c.name]))
    steps = [
        Step(
            key=f"apply:{component.name}",
            kind=StepKind.APPLY,
            upgrade=Upgrade(component=component.name, version=targets[component.name]),
            safe_before=(untouched and not place) or _safe(plan, components[:place]),
            expected=component.duration,
        )
        for place, component in enumerate(components)
    ]
    if any(c.reboot for c in components):
        steps.append(Step(key="reboot", kind=StepKind.REBOOT, safe_before=False, expected=stack.reboot_duration))
    return steps


def _safe(plan: Packing, done: Sequence[Component]) -> bool:
    """True when work may end with these upgrades done: all active, no pin on its way, no atomic group in halves,
    the set allowed.
    """
    if any(c.reboot or not plan.cluster.stack.host_facing(c) for c in done):
        return False
    names, boarded = {c.name for c in done}, {c.name for c in plan.boarded}
    halves = any((atomic_group(plan.cluster, name) & boarded) - names for name in names)
    return not halves and plan.judge(done).allowed


def _closing(pool: Pool) -> list[Step]:
    """Every verification, the gate and the return."""
    verifications = [
        Step(key=f"verify:{task}", kind=StepKind.VERIFY, task=task, expected=pool.verify_duration)
        for task in dict.fromkeys(pool.verify)
    ]
    gate = Step(key="gate", kind=StepKind.GATE, expected=timedelta())
    back = Step(key="return", kind=StepKind.RETURN, expected=timedelta())
    return [*verifications, gate, back]


def _visit(plan: Packing, steps: Sequence[Step]) -> Boarding:
    upgrades = [s.upgrade for s in steps if s.upgrade is not None]
    names = ", ".join(f"{u.component} {u.version}" for u in upgrades)
    return Boarding(
        action=BoardAction.VISIT,
        steps=tuple(steps),
        resulting=plan.result(plan.boarded),
        deferred=plan.deferred,
        expected_seconds=sum(s.expected.total_seconds() for s in steps),
        reason=plan.words(f"boards {names}" if names else "nothing is due; the host is verified before it returns"),
    )
