"""The steps of a host in a pin switch: to the new pin, and back to what it carried before."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.fleetfile import Cluster
from fleet.models.intent import Intent, IntentState
from fleet.models.pool import Pool
from fleet.models.stack import Component, Upgrade
from fleet.models.verification import VerificationTask
from fleet.models.work import Step, StepKind

BATCH = 80
"""Hosts of a batch at most."""
EVENTS, OF_A_STEP, OF_A_HOST = 3900, 6, 14
"""Events of the one run of a batch, which does not continue as new; of a step; and of a host that goes to repair."""
BACK = ":back"
"""How keys of steps of the way back end."""


def steps_there(cluster: Cluster, pool: Pool, targets: Mapping[str, str]) -> tuple[Step, ...]:
    """Drain, every component to its target deepest first, one reboot if any needs it, every verification, the gate."""
    known = _deepest_first(cluster, targets)
    drain = Step(key="drain", kind=StepKind.DRAIN, safe_before=False, expected=pool.drain.deadline)
    applies = [_apply(c, targets[c.name], "") for c in known]
    return (drain, *_whole(cluster, pool, known, applies, ""))


def steps_back(
    cluster: Cluster, pool: Pool, targets: Mapping[str, str], prior: Mapping[str, str], intents: Sequence[Intent]
) -> tuple[Step, ...] | None:
    """What undoes the components that the switch has begun to change, the last one first; empty for a host that it has
    not changed, None when it can't be told what a component was before. `prior` is the pin to go back to.
    """
    begun = {i.step.removeprefix("apply:"): i for i in intents if _changed(i)}
    known = [c for c in _deepest_first(cluster, targets) if c.name in begun]
    versions = {c.name: prior.get(c.name) or begun[c.name].before.version for c in known}
    if None in versions.values():
        return None
    applies = [_apply(c, versions[c.name] or "", BACK) for c in reversed(known)]
    return _whole(cluster, pool, known, applies, BACK) if known else ()


def batch_size(components: int) -> int:
    """Hosts of a batch of a switch that moves so many components: its run must stay short, however all turn out."""
    drain_and_reboot = 2
    steps = max(components + drain_and_reboot, len(VerificationTask))
    return min(BATCH, EVENTS // (OF_A_STEP * steps + OF_A_HOST))


def left_open(cluster: Cluster, intents: Sequence[Intent]) -> tuple[tuple[Intent, timedelta], ...]:
    """Changes sent on the way there of which nobody has told how they ended, each with the time in which it must."""
    open_ = [i for i in intents if _changed(i) and i.state is IntentState.OPEN and i.sent]
    found = [(i, cluster.stack.component(i.step.removeprefix("apply:"))) for i in open_]
    return tuple((i, c.ends_within) for i, c in found if c is not None)


def never_sent(intents: Sequence[Intent]) -> tuple[Intent, ...]:
    """Changes on the way there that were written down and not sent: once their attempt is shut out, they never are."""
    return tuple(i for i in intents if _changed(i) and i.state is IntentState.OPEN and not i.sent)


def reached(steps: Iterable[Step]) -> tuple[Upgrade, ...]:
    """What a host carries once these steps are done."""
    return tuple(step.upgrade for step in steps if step.upgrade is not None)


def _changed(intent: Intent) -> bool:
    apply = intent.step.startswith("apply:") and not intent.step.endswith(BACK)
    return apply and intent.state is not IntentState.WITHDRAWN


def _deepest_first(cluster: Cluster, targets: Mapping[str, str]) -> list[Component]:
    stack = cluster.stack
    known = [c for c in stack.components if c.name in targets]
    return sorted(known, key=lambda c: (stack.depth(c), stack.components.index(c)))


def _apply(component: Component, version: str, end: str) -> Step:
    return Step(
        key=f"apply:{component.name}{end}",
        kind=StepKind.APPLY,
        upgrade=Upgrade(component=component.name, version=version),
        safe_before=False,
        expected=component.duration,
        back=bool(end),
    )


def _whole(cluster: Cluster, pool: Pool, known: Sequence[Component], applies: list[Step], end: str) -> tuple[Step, ...]:
    """The applies, and all that follows them."""
    steps = list(applies)
    if any(c.reboot for c in known):
        steps.append(_step(f"reboot{end}", StepKind.REBOOT, cluster.stack.reboot_duration, end))
    steps += [
        _step(f"verify:{task}{end}", StepKind.VERIFY, pool.verify_duration, end, task)
        for task in dict.fromkeys(pool.verify)
    ]
    return (*steps, _step(f"gate{end}", StepKind.GATE, timedelta(), end))


def _step(key: str, kind: StepKind, expected: timedelta, end: str, task: VerificationTask | None = None) -> Step:
    return Step(key=key, kind=kind, task=task, safe_before=False, expected=expected, back=bool(end))
