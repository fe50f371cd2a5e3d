"""The words of an emergency's looks: who is to give way to it, and which of its own stops are to halt.

Each is a row first, which drains read, and then a signal, which the visit passes on to each of its hosts. A look comes
with every host that returns, so a word that was said is not said with each: histories would grow by it without end.
"""

import time
from collections.abc import Iterable, Mapping

from activities.deps import Deps, now
from activities.giving_way import yield_of_grant, yield_of_visit
from fleet import ids
from fleet.models.ledger import LeaseHost
from fleet.policy.emergency_plan import EmergencyStep

AGAIN = 300.0
"""Seconds after which a word is said once more: it may have come before there was a host to pass it on to."""


class Words:
    """What one worker has had said lately."""

    def __init__(self, deps: Deps, again: float = AGAIN) -> None:
        self._deps, self.again = deps, again
        self._said: dict[str, float] = {}

    async def to_say(self, step: EmergencyStep, leases: Iterable[LeaseHost]) -> EmergencyStep:
        """The step with those alone that are to be told now; their rows are written."""
        rows = _rows(step, leases)
        due = {holder for holder, its in rows.items() if any(self._is_due(row) for row in its)}
        for row in dict.fromkeys(row for holder in due for row in rows[holder] if self._is_due(row)):
            await self._deps.store.first_time(row, now())
        self._note(row for holder in due for row in rows[holder])
        yields = {holder: why for holder, why in step.yields.items() if holder in due}
        return step.model_copy(update={"yields": yields, "halts": tuple(h for h in step.halts if h in due)})

    def _is_due(self, row: str) -> bool:
        return time.monotonic() - self._said.get(row, -self.again) >= self.again

    def _note(self, rows: Iterable[str]) -> None:
        at = time.monotonic()
        self._said = {row: said for row, said in self._said.items() if at - said < self.again}
        self._said.update(dict.fromkeys(rows, at))


def _rows(step: EmergencyStep, leases: Iterable[LeaseHost]) -> Mapping[str, list[str]]:
    """Holder: the rows by which it is told. An operation is told by each of its grants, for it may be granted anew."""
    found = {h: [yield_of_visit(h)] for h in (*step.yields, *step.halts) if ids.op_of(h) is None}
    for lease in leases:
        if lease.holder in step.yields and ids.op_of(lease.operation) is not None:
            found.setdefault(lease.holder, []).append(yield_of_grant(lease))
    return {holder: found.get(holder) or [yield_of_visit(holder)] for holder in (*step.yields, *step.halts)}
