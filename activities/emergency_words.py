"""The words of an emergency's looks: who is to give way to it, and which of its own stops are to halt.

Each is a row first, which drains read, and then a signal, which the visit passes on to each of its hosts. A look comes
with every host that returns, so a word that was said is not said with each: histories would grow by it without end. It
is said anew after a person's word, which may have taken it back meanwhile, and by a look that is tried again: nobody
knows whether the signals of the try before were sent.
"""

import time
from collections.abc import Iterable, Mapping

from activities.deps import Deps, now
from activities.giving_way import yield_of_grant, yield_of_visit
from fleet import ids
from fleet.models.base import Moment
from fleet.models.ledger import LeaseHost
from fleet.policy.emergency_plan import EmergencyStep

AGAIN = 300.0
"""Seconds after which a word is said once more: it may have come before there was a host to pass it on to."""


_Word = tuple[str, Moment]
"""A row, and since when the emergency was in the state in which it was said."""


class EmergencyWords:
    """What one worker has had said lately."""

    def __init__(self, deps: Deps, again: float = AGAIN) -> None:
        self._deps, self.again = deps, again
        self._said: dict[_Word, float] = {}

    async def to_say(
        self, step: EmergencyStep, leases: Iterable[LeaseHost], changed_at: Moment, *, tried_again: bool
    ) -> EmergencyStep:
        """The step with those alone that are to be told now; their rows are written. `changed_at`: when its emergency
        came into the state that it is in.
        """
        rows = _rows(step, leases)
        said = {row for its in rows.values() for row in its if not (tried_again or self._is_due((row, changed_at)))}
        due = {holder for holder, its in rows.items() if not said.issuperset(its)}
        for row in dict.fromkeys(row for holder in due for row in rows[holder] if row not in said):
            await self._deps.store.first_time(row, now())
        self._note((row, changed_at) for holder in due for row in rows[holder])
        yields = {holder: why for holder, why in step.yields.items() if holder in due}
        return step.model_copy(update={"yields": yields, "halts": tuple(h for h in step.halts if h in due)})

    def _is_due(self, word: _Word) -> bool:
        return time.monotonic() - self._said.get(word, -self.again) >= self.again

    def _note(self, words: Iterable[_Word]) -> None:
        at = time.monotonic()
        self._said = {word: said for word, said in self._said.items() if at - said < self.again}
        self._said.update(dict.fromkeys(words, at))


def _rows(step: EmergencyStep, leases: Iterable[LeaseHost]) -> Mapping[str, list[str]]:
    """Holder: the rows by which it is told. An operation is told by each of its grants, for it may be granted anew."""
    found = {h: [yield_of_visit(h)] for h in (*step.yields, *step.halts) if ids.op_of(h) is None}
    for lease in leases:
        if lease.holder in step.yields and ids.op_of(lease.operation) is not None:
            found.setdefault(lease.holder, []).append(yield_of_grant(lease))
    return {holder: found.get(holder) or [yield_of_visit(holder)] for holder in (*step.yields, *step.halts)}
