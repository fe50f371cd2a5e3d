"""What the dispatcher does for submitted operations: taking up those that lost their workflow, and settling those over
several clusters in all of them at once.
"""

from collections.abc import Mapping

from activities.deps import Deps
from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Settlement, Wait, WaitKind
from fleet.policy.grants import settle
from fleet.policy.together import led_from, settle_all

_NEWEST, _IN_TURN = 20, 20
"""Operations asked about in one look: the newest, whose start may have been lost, and some of the others in turn."""


async def lost_operations(deps: Deps, facts: LedgerFacts) -> tuple[str, ...]:
    """Operations led from this cluster that are not over and that no workflow looks after: those that hold hosts, the
    newest, and a few of the rest at each look.
    """
    open_ = await deps.store.open_operations(facts.cluster)
    if not open_:
        return ()
    holders = {lease.holder for lease in facts.leases.values()}
    rest = [op for op in open_[_NEWEST:] if op not in holders]
    start = int(facts.now.timestamp()) % len(rest) if rest else 0
    asked = (*(op for op in open_ if op in holders), *open_[:_NEWEST], *(rest + rest)[start : start + _IN_TURN])
    return tuple([op for op in dict.fromkeys(asked) if not await deps.engine.running(op)])


async def open_operation(deps: Deps, holder: str) -> bool:
    """Whether a lease's holder is a submitted operation that is not over: the dispatcher of its first cluster takes it
    up again.
    """
    op = await deps.store.operation(holder) if ids.op_of(holder) is not None else None
    return op is not None and not op.over


async def settle_over_clusters(deps: Deps, cluster: str) -> int:
    """Settle the operations over several clusters that are led from this one, the oldest first; how many were granted.

    All of an operation's clusters are read and written in one transaction, so none has it while another has not.
    """
    led = led_from(await deps.store.facts(cluster, await deps.clock()))
    granted = 0
    for request in led:
        part = request.part
        assert part is not None, "led requests have one"

        def decide(facts: Mapping[str, LedgerFacts], operation: str = part.operation) -> Mapping[str, Settlement]:
            decided, late = settle_all(operation, facts, settle)
            if not late:
                return decided
            reason = f"waits to begin in {', '.join(facts)} at once; not yet in {', '.join(late)}"
            return {name: _waits(operation, facts[name], reason) for name in facts if name not in late}

        done = await deps.store.settle_together(part.clusters, None, decide)
        granted += any(g.request == request.id for s in done.values() for g in s.grants)
    return granted


def _waits(operation: str, facts: LedgerFacts, reason: str) -> Settlement:
    """Nothing but the reason why an operation's part in a cluster that could begin does not."""
    its = (r for r in facts.requests if r.part is not None and r.part.operation == operation)
    waits = tuple(Wait(request=r.id, kind=WaitKind.PARTNER, reason=reason) for r in its)
    return Settlement(waits=waits, reason=reason)
