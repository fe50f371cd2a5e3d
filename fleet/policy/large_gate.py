"""Go or no-go: what the gate of a round of a large-scale maintenance says, by what became of its hosts.

A host counts as failed that went to repair in the round, or that is out as failed after it. A gate that goes by itself
waits until every host that the round brought back was seen in production: what is not known is no go.
"""

from collections.abc import Sequence

from fleet.hostlist import some
from fleet.models.base import Decision
from fleet.models.emergency import EmergencyHost, EmergencyHostState
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.large import LargeGate, LargePlan, LargeProgress
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


def judged(plan: LargePlan, progress: LargeProgress, hosts: Sequence[EmergencyHost], ledger: LedgerFacts) -> Verdict:
    """Judge the round that is under way; while it is out, only whether too many have failed yet."""
    step = plan.step(progress.round)
    its = [h for h in hosts if _number(h) >= progress.first_stop and h.domain in progress.domains.get(h.pool, ())]
    balance = Balance.of(ledger)
    places = balance.places
    back = [h.host for h in its if h.state is EmergencyHostState.DONE]
    failed = [h.host for h in its if h.state is EmergencyHostState.HANDED_OVER]
    failed += [name for name in back if name in places and places[name][0] is HostSet.FAILED]
    unseen = [name for name in back if name in places and is_unseen(places[name])]
    told = f"{len(failed)} of {len(its)} hosts failed"
    if failed:
        told += f" ({some(failed)})"
    if len(failed) > step.most_failures and not progress.approved_by:
        reason = f"no-go: {told}, more than the {step.most_failures} of its step; a person decides"
        return Verdict(too_many=True, asks=True, told=reason, reason=reason)
    if progress.approved_by:
        return Verdict(go=True, told=told, reason=f"go by {progress.approved_by}; {told}")
    if step.gate is LargeGate.APPROVAL:
        return Verdict(asks=True, told=told, reason=f"{told}; a person is to say go")
    stale = sorted(pool for pool in progress.domains if pool not in balance.pools or balance.pools[pool].stale)
    if unseen or stale:
        return Verdict(told=told, reason=f"{told}; waits for a look at {some(unseen or stale)}")
    return Verdict(go=True, told=told, reason=f"go: {told}")


def _number(host: EmergencyHost) -> int:
    """Of the stop that a host is or was last in; 0 for none."""
    return int(host.stop.rpartition("/")[2]) if host.stop else 0
