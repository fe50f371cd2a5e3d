"""What a host's visit, or its time in production afterwards, tells about the upgrades that boarded on it."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.host import HostSet, Standing
from fleet.models.noticing import OpenedRepair
from fleet.models.rollouts import Rollout, Trial
from fleet.models.stack import Upgrade
from fleet.models.verification import Category, Verdict
from fleet.models.work import HostOutcome, HostWork, Outcome, StepAction, StepKind, StepRecord
from fleet.policy.offboarding import back_of
from fleet.policy.trials import outcome as verified

_RETURNED = (Outcome.UPGRADED, Outcome.PARTLY_UPGRADED, Outcome.ROLLED_BACK)
_MOST_DETAIL = 300
PRODUCTION = "~production"
_JOB = "~job"


def visit_trial(
    work: HostWork | None,
    outcome: HostOutcome,
    steps: Sequence[StepRecord],
    rollouts: Sequence[Rollout],
    model: str = "",
    stack: Container[str] | None = None,
) -> Trial | None:
    """The trial of a finished visit; None when no upgrade was tried, or it ended for reasons that tell nothing.

    `work` and `steps` (its evidence, oldest first) are asked for where the host was handed over. An upgrade that failed
    to apply is tried alone: the others had nothing to do with that. A visit that broke off, so that no step says what
    failed, or whose hand-over no upgrade brought about, is inconclusive; of what was rolled back in it nothing is told.

    `stack`: components of the fleet file by now, None for all. Of one that a load dropped meanwhile no step knows what
    to wait for or to read back: unless a test failed, that is inconclusive.
    """
    failed = outcome.outcome is Outcome.HANDED_OVER
    if not failed and outcome.outcome not in _RETURNED:
        return None
    versions = {u.component: u.version for u in (_tried(work, steps) if failed else outcome.applied)}
    if not versions:
        return None
    verdict, category = _verdict(steps[-1]) if failed else (Verdict.PASSED, None)
    dropped = stack is not None and any(component not in stack for component in versions)
    if dropped and verdict is Verdict.FAILED and steps[-1].verification is None:
        verdict, category = Verdict.INCONCLUSIVE, None
    return Trial(
        cluster=outcome.cluster,
        host=outcome.host,
        model=model,
        operation=outcome.operation,
        at=outcome.at,
        versions=versions,
        rollouts=carried_by(versions, rollouts),
        failed=verdict is Verdict.FAILED,
        inconclusive=verdict is Verdict.INCONCLUSIVE,
        category=category.value if category is not None else "",
        detail=outcome.reason[:_MOST_DETAIL],
    )


def _verdict(last: StepRecord) -> tuple[Verdict, Category | None]:
    """Of a host that was handed over: what its last step says."""
    if last.action is not StepAction.HAND_OVER or last.blameless:
        return Verdict.INCONCLUSIVE, None
    if last.verification is None:
        return Verdict.FAILED, None
    return verified((last.verification,))


def _tried(work: HostWork | None, steps: Sequence[StepRecord]) -> tuple[Upgrade, ...]:
    """What a host that was handed over had got, or the one upgrade at which it broke off."""
    planned = {s.key: s for s in (work.steps if work is not None else ())}
    upgrades = {k: s.upgrade for k, s in planned.items() if s.kind is StepKind.APPLY and s.upgrade is not None}
    last = steps[-1] if steps else None
    if last is not None and last.action is StepAction.HAND_OVER:
        if last.step in upgrades:
            return (upgrades[last.step],)
        if back_of(last.step) is not None:
            return ()
    done = [s.step for s in steps if s.action is StepAction.GO_ON]
    undone = {back_of(step) for step in done}
    return tuple(upgrades[step] for step in done if step in upgrades and upgrades[step].component not in undone)


def carried_by(versions: Mapping[str, str], rollouts: Iterable[Rollout]) -> tuple[str, ...]:
    """The rollouts that brought any of these versions."""
    return tuple(r.id for r in rollouts if versions.get(r.spec.component) in r.spec.versions)


def production_failures(
    recent: Iterable[Trial], where: Mapping[str, Standing], held: Iterable[str], now: Moment
) -> tuple[Trial, ...]:
    """Trials of hosts that returned well and are now seen to have failed in production, in nobody's hands.

    `recent` are the last trials of one cluster's hosts within their soak time; `held` are hosts under a lease, whose
    failure their own visit tells of.
    """
    leased = set(held)
    found = []
    for trial in recent:
        standing = where.get(trial.host)
        if standing is None or standing.set is not HostSet.FAILED or trial.failed or trial.host in leased:
            continue
        found.append(broke(trial, now, standing.reason))
    return tuple(found)


def noticed_failures(recent: Iterable[Trial], noticed: Iterable[OpenedRepair], now: Moment) -> tuple[Trial, ...]:
    """The same of hosts that went down after their return and got a repair for it, which holds them or has ended."""
    lost = {repair.host: repair for repair in noticed}
    found = []
    for trial in recent:
        repair = lost.get(trial.host)
        if repair is None or repair.lost_at <= trial.at or trial.failed:
            continue
        found.append(broke(trial, now, repair.reason))
    return tuple(found)


def broke(trial: Trial, now: Moment, why: str, category: str = "") -> Trial:
    """The failure in production of a host that had returned well. Each return has one at most, beside that of a job."""
    changes = {
        "operation": trial.operation + (_JOB if category == Category.JOB else PRODUCTION),
        "at": now,
        "failed": True,
        "inconclusive": False,
        "in_production": True,
        "category": category,
        "detail": why[:_MOST_DETAIL],
    }
    return trial.model_copy(update=changes)


def soaking(trial: Trial, earlier: Sequence[Trial], soak: timedelta) -> Trial:
    """The trial with what earlier visits brought the same host and still soaks on it: what it does from now on it does
    under that, too. `earlier` are that host's, oldest first.
    """
    versions, rollouts = dict(trial.versions), list(trial.rollouts)
    for before in reversed(earlier):
        if before.at + soak <= trial.at:
            break
        if before.failed or before.inconclusive:
            continue
        new = {name: version for name, version in before.versions.items() if name not in versions}
        versions |= new
        rollouts += [r for r in before.rollouts if r.partition("/")[0] in new and r not in rollouts]
    return trial.model_copy(update={"versions": versions, "rollouts": tuple(rollouts)})
