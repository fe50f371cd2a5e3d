"""Go or no-go: what the gate of a round of a large-scale maintenance says, by what became of its hosts.

A host counts as failed that went to repair in the round, or that is out as failed after it. A gate that goes by itself
waits until every host that the round brought back was seen, and can be told of: what is not known is no go. Hosts that
fail once it has said go, while the round returns, are judged as those before.
"""

from collections.abc import Collection, Iterable, Sequence

from fleet.hostlist import some
from fleet.models.base import Decision, Moment
from fleet.models.emergency import Emergency, EmergencyHost, EmergencyHostState
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.large import LargeGate, LargePlan, LargeProgress
from fleet.models.ledger import Counted
from fleet.policy.balance import Balance
from fleet.policy.sets import is_unseen


class Verdict(Decision):
    """What a gate says."""

    go: bool = False
    too_many: bool = False
    """More hosts failed than the step allows."""
    asks: bool = False
    """A person is to say."""
    told: str = ""
    """What became of the round's hosts so far."""
    failed: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    """Hosts that came back and were not seen since, or pools that were not looked at for too long."""
    untold: tuple[str, ...] = ()
    """Hosts that came back and were seen, and of which nobody can tell whether they are up."""


def judged(plan: LargePlan, progress: LargeProgress, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> Verdict:
    """Judge the round that is under way; while it is out, only whether too many have failed yet."""
    step = plan.step(progress.round)
    its = [h for h in hosts if _number(h) >= progress.first_stop and h.domain in progress.domains.get(h.pool, ())]
    balance = Balance.of(ledger)
    places = balance.places
    back = [h.host for h in its if h.state is EmergencyHostState.DONE]
    # The lease tells of a repair before the row of the host does.
    repair = {name for name, lease in ledger.leases.items() if lease.counted is Counted.FAILED}
    failed = [h.host for h in its if h.state is EmergencyHostState.HANDED_OVER or h.host in repair]
    failed += [name for name in back if name not in failed and name in places and places[name][0] is HostSet.FAILED]
    unseen = [name for name in back if name in places and is_unseen(places[name])]
    untold = [name for name in back if name not in unseen and name in places and places[name][0] is HostSet.UNKNOWN]
    stale = sorted(pool for pool in progress.domains if pool not in balance.pools or balance.pools[pool].stale)
    seen = {"failed": tuple(failed), "waits_for": tuple(unseen or stale), "untold": tuple(untold)}
    told = f"{len(failed)} of {len(its)} hosts failed"
    if failed:
        told += f" ({some(failed)})"
    if untold:
        told += f", {some(untold)} can't be told ({places[untold[0]][2]})"
    if len(failed) > step.most_failures and not progress.approved_by:
        reason = f"no-go: {told}, more than the {step.most_failures} of its step; a person decides"
        return Verdict(too_many=True, asks=True, told=reason, reason=reason, **seen)
    if progress.approved_by:
        return Verdict(go=True, told=told, reason=f"go by {progress.approved_by}; {told}", **seen)
    if step.gate is LargeGate.APPROVAL:
        return Verdict(asks=True, told=told, reason=f"{told}; a person is to say go", **seen)
    if unseen or stale or untold:
        return Verdict(told=told, reason=f"{told}; waits for a look at {some(unseen or stale or untold)}", **seen)
    return Verdict(go=True, told=told, reason=f"go: {told}", **seen)


def outgrown(plan: LargePlan, progress: LargeProgress, verdict: Verdict) -> bool:
    """Whether too many have failed, and some of them since a person was asked, or said go unasked while not too many
    had: who says go now, or did, has not seen that.
    """
    unasked = progress.asked is None and not progress.approved_by
    if unasked or len(verdict.failed) <= plan.step(progress.round).most_failures:
        return False
    return bool(set(verdict.failed).difference(progress.asked or ()))


def once_more(progress: LargeProgress) -> LargeProgress:
    """At its gate for one more time: what was said of it before counts no more."""
    told = {"approved_by": "", "asked": None, "doubted": ()}
    return progress.model_copy(update={**told, "again": progress.again + 1})


def shown(progress: LargeProgress, verdict: Verdict) -> LargeProgress:
    """What is told of it at its gate, until a person is asked: their page stays as it is, whatever becomes unsure."""
    return progress if progress.asked is not None else progress.model_copy(update={"doubted": verdict.untold})


def asking(progress: LargeProgress, verdict: Verdict, known: Iterable[str] = ()) -> LargeProgress:
    """A person is asked, once an occasion: nobody is told of what fails after that and is not too many. `known`: hosts
    that they were told of before, and that may be well by now: hosts that fail by turns are no news each time.
    """
    if progress.asked is not None:
        return progress
    asked = tuple(dict.fromkeys((*known, *verdict.failed)))
    return shown(progress, verdict).model_copy(update={"asked": asked})


def gone(progress: LargeProgress) -> LargeProgress:
    """Its gate has said go: a person's is with all that they were told of. What failed untold was not too many, and may
    be with what fails next.
    """
    told, doubted = (progress.asked or (), progress.doubted) if progress.approved_by else ((), ())
    accepted = tuple(dict.fromkeys((*progress.accepted, *told)))
    return progress.model_copy(update={"accepted": accepted, "doubted": doubted, "untold_since": None})


def in_doubt(progress: LargeProgress, untold: Collection[str], now: Moment) -> LargeProgress:
    """Since when nobody can tell of some of its hosts."""
    return progress.model_copy(update={"untold_since": (progress.untold_since or now) if untold else None})


def begins_no_more(large: Emergency, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> str:
    """Why a stop of the round that was asked for may not begin any more; empty when it may, and for an emergency.

    What a look would find counts before it has found it.
    """
    plan, progress = large.spec.plan, large.progress
    if plan is None or progress is None:
        return ""
    verdict = judged(plan, progress, hosts, ledger)
    return progress.closed or (verdict.reason if verdict.too_many else "")


def _number(host: EmergencyHost) -> int:
    """Of the stop that a host is or was last in; 0 for none."""
    return int(host.stop.rpartition("/")[2]) if host.stop else 0
