"""Operations over several clusters: granted in all of them at once, or in none."""

from collections.abc import Callable, Mapping

from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Request, Settlement, WaitKind
from fleet.policy.obstacles import Obstacle
from fleet.policy.pool_balance import Ask

Settle = Callable[[LedgerFacts, str], Settlement]


def apart(ask: Ask, together: str) -> Obstacle | None:
    """Why an ask that could begin here does not: it begins in all of its clusters at once."""
    part = ask.part
    if part is None or len(part.clusters) == 1 or part.operation == together:
        return None
    return Obstacle(WaitKind.PARTNER, f"could begin here; waits to begin in {', '.join(part.clusters)} at once")


def led_from(facts: LedgerFacts) -> tuple[Request, ...]:
    """Waiting requests of operations over several clusters that this cluster's dispatcher looks after: the first one's,
    in the order in which they were asked.
    """
    waiting = (r for r in facts.requests if r.part is not None and len(r.part.clusters) > 1)
    return tuple(r for r in waiting if r.part is not None and r.part.clusters[0] == facts.cluster)


def settle_all(
    operation: str, facts: Mapping[str, LedgerFacts], decide: Settle
) -> tuple[dict[str, Settlement], tuple[str, ...]]:
    """Settle every cluster of an operation, its facts read at one instant: what to commit where, and the clusters in
    which it has to wait. Nothing is to be committed while there are any.
    """
    decided = {name: decide(known, operation) for name, known in facts.items()}
    late = tuple(name for name, known in facts.items() if not _granted(operation, known, decided[name]))
    return decided, late


def _granted(operation: str, facts: LedgerFacts, settlement: Settlement) -> bool:
    granted = {grant.request for grant in settlement.grants}
    its = [r for r in facts.requests if r.part is not None and r.part.operation == operation]
    return bool(its) and all(r.id in granted for r in its)
