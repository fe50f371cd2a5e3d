"""When whoever holds a host of an operation's scope counts as parked, and what it is told."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from fleet import ids
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.ledger import LeaseHost
from fleet.models.observation import Observation, ObservedHost
from fleet.models.operation_part import Parking
from fleet.models.scheduler import Node, NodeBase
from fleet.models.work import Step, StepAction, StepRecord
from fleet.policy.draining import is_measured
from fleet.policy.sets import Place
from fleet.policy.stopping import MayBegin, Proceed

_UP = "it is in production again"
_BOOTS = ("reboot", "power_cycle", "reimage")
_WRITES = ("apply", "reflash")


def parked(because: Parking) -> MayBegin:
    """What a step is told that must not begin: it waits, and asks again."""
    since = because.since.isoformat(sep=" ", timespec="seconds")
    return MayBegin(
        answer=Proceed.HOLD, reason=f"parked for {because.operation}, which works on its scope since {since}"
    )


def not_parked(
    host: str, look: Observation | None, effect: str | None, since: Moment, now: Moment, fence_life: timedelta
) -> str:
    """Why a host of the scope that the operation did not take is not left alone yet; empty when it is.

    `effect`: a step that was sent to it and is not over, or one that must follow it. What passed its fence before the
    parking was written is over or sent once a fence's life has passed; what came of it, only a look begun after that
    tells, whosever the host is.
    """
    told = since + fence_life
    if now <= told:
        return "told just now"
    if effect is not None:
        return f"{effect} is under way"
    if look is None or look.began_at <= told or look.error:
        return f"not looked at since it was told{f': {look.error}' if look is not None and look.error else ''}"
    return in_use(look.hosts.get(host))


def returned(where: Place, look: Observation | None, since: Moment, fence_life: timedelta) -> bool:
    """Whether a host of the scope that the operation did not take is nobody's any more, and in production by a look
    begun after everybody was told: what was on its way back when the operation was granted.
    """
    seen_since = look is not None and not look.error and look.began_at > since + fence_life
    return seen_since and where[0] is HostSet.UP


def in_use(seen: ObservedHost | None) -> str:
    """Why jobs may run on a host, by what a look showed of it; empty when none does and none can be started."""
    if seen is None:
        return "not looked at since it was told"
    if seen.jobs:
        return f"{len(seen.jobs)} job(s) on it: {', '.join(seen.jobs[:3])}"
    node = seen.node
    if node is None:
        return ""
    if is_measured(node):
        return "the fabric is measured with it"
    if not (node.draining or node.base is NodeBase.DOWN or node.maintenance):
        return _UP
    return "a job on it is ending" if _busy(node) else ""


def _busy(node: Node) -> bool:
    return node.completing or node.base in (NodeBase.ALLOCATED, NodeBase.MIXED)


def as_told(facts: LedgerFacts) -> LedgerFacts:
    """The facts, their last look counted as a failed one once it is as old as no grant would be given on: a dispatcher
    that looks no more does not see who undrains a host meanwhile.
    """
    look, most = facts.observation, min((p.autostop.stale_after for p in facts.pools), default=None)
    if look is None or look.error or most is None or abs(facts.now - look.began_at) <= most:
        return facts
    told = f"the last look began at {look.began_at.isoformat(' ', 'seconds')}"
    return facts.model_copy(update={"observation": look.model_copy(update={"error": told})})


def drained_for(lease: LeaseHost, facts: LedgerFacts) -> bool:
    """Whether the last look shows a leased host under the drain of its work, and without a job."""
    look = facts.observation
    seen = look.hosts.get(lease.host) if look is not None and not look.error else None
    if seen is None or seen.node is None or seen.jobs or _busy(seen.node):
        return False
    return seen.node.draining and seen.node.reason == ids.drain_reason(ids.PLANNED, lease.operation)


def boot_due(steps: Sequence[Step], done: Sequence[StepRecord], boots: Collection[str]) -> str | None:
    """What must follow a step that was written on a host before it is at a safe point; None at one. `done` is the
    evidence of one walk, the oldest first; `steps` are those that were boarded, none where that is not known, as in
    repair; `boots` are the components that need a boot.
    """
    if not done or any(row.action not in (StepAction.GO_ON, StepAction.SKIP) for row in done):
        return None  # it ended early, or was handed over
    booted = max((i for i, row in enumerate(done) if _kind(row) in _BOOTS), default=-1)
    written = [row for row in done[booted + 1 :] if row.action is StepAction.GO_ON and _kind(row) in _WRITES]
    if not written:
        return None
    last, keys = done[-1].step, [step.key for step in steps]
    if last in keys:
        ahead = steps[keys.index(last) + 1 :]
        return f"{ahead[0].key}, which must follow {written[-1].step}," if ahead and not ahead[0].safe_before else None
    due = next((row for row in written if _kind(row) == "reflash" or row.step.partition(":")[2] in boots), None)
    return f"the boot that must follow {due.step}" if due is not None else None


def _kind(row: StepRecord) -> str:
    return row.step.partition(":")[0]
