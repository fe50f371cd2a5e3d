"""What happened on hosts: its port."""

from typing import Protocol

from fleet.models.base import Moment
from fleet.models.event import Event
from fleet.models.footing import Footing
from fleet.models.gathering import Gathering
from fleet.models.intent import Before, Intent, IntentEnd, IntentState
from fleet.models.work import HostOutcome, HostWork, StepRecord


class HostBook(Protocol):
    """What happened on hosts: intents, steps, outcomes, repairs, rendezvous."""

    async def open_intent(
        self,
        operation: str,
        step: str,
        token: str,
        before: Before,
        now: Moment,
        *,
        told: Event | None = None,
        cluster: str | None = None,
    ) -> Intent:
        """Write an intent if there is none, or reopen a withdrawn one; the one in force either way (compare tokens).
        `told` is written with a first one. With `cluster` it is not written while a settling of it is under way: it
        was opened before what that grants, or all that it granted can be seen by now.
        """
        ...

    async def intent(self, operation: str, step: str) -> Intent | None:
        """The intent of a step."""
        ...

    async def footing(self, cluster: str, pool: str, host: str, operation: str) -> Footing:
        """Lease on the host, stops that cover its pool, and the operation's intents, of one instant."""
        ...

    async def take_over_intent(self, operation: str, step: str, old: str, new: str, now: Moment) -> bool:
        """Compare-and-set the token; False when another attempt was faster."""
        ...

    async def begin_again(self, operation: str, step: str, token: str, now: Moment) -> None:
        """Count an open intent's time from now: nothing had begun under it. What was sent under it stays noted. Raises
        `StaleAttempt` as `record_task`.
        """
        ...

    async def note_sent(self, operation: str, step: str, token: str, *, sent: bool) -> None:
        """Note that something may be sent under an intent from now on, or that nothing was. Raises `StaleAttempt` when
        the token is no longer in force: then nothing may be sent.
        """
        ...

    async def note_look(self, operation: str, step: str, token: str, now: Moment) -> None:
        """Note that the device was read for an open intent. Raises `StaleAttempt` as `record_task`."""
        ...

    async def record_task(self, operation: str, step: str, token: str, task: str) -> None:
        """Name the device task. Raises `StaleAttempt` when the token is no longer in force."""
        ...

    async def finish_intent(self, operation: str, step: str, token: str, state: IntentState, result: str) -> None:
        """Close an intent. Raises `StaleAttempt` when the token is no longer in force."""
        ...

    async def intents(self, operation: str) -> tuple[Intent, ...]:
        """Intents of an operation in the order they were opened."""
        ...

    async def save_work(self, work: HostWork) -> None:
        """Keep what was boarded on a host, by operation."""
        ...

    async def work(self, operation: str) -> HostWork | None:
        """What was boarded."""
        ...

    async def record_step(self, record: StepRecord, end: IntentEnd | None = None) -> None:
        """Evidence; idempotent by operation and step (the last one counts). With `end` the step's intent is closed in
        the same transaction, and neither is written when its token is no longer in force: `StaleAttempt`.
        """
        ...

    async def steps(self, operation: str) -> tuple[StepRecord, ...]:
        """Evidence of an operation, oldest first."""
        ...

    async def tried(self, operation: str) -> tuple[StepRecord, ...]:
        """Evidence of a repair and all of its tries, oldest first."""
        ...

    async def record_outcome(self, outcome: HostOutcome) -> None:
        """History; idempotent by operation."""
        ...

    async def outcomes(
        self, cluster: str, *, visit: str | None = None, host: str | None = None, limit: int = 1000
    ) -> tuple[HostOutcome, ...]:
        """History, newest first; all of it of a visit."""
        ...

    async def next_repair(self, cluster: str, host: str) -> int:
        """Number of the host's next repair, from 1."""
        ...

    async def ready_for_fabric(self, visit: str, host: str, now: Moment) -> None:
        """A host of a visit is ready to be a partner."""
        ...

    async def gathering(self, visit: str) -> Gathering:
        """Hosts of a visit that are ready, first come first, and those that it still holds as planned work."""
        ...

    async def first_time(self, key: str, now: Moment) -> bool:
        """Claim a key: True for the first claim of all, whoever makes it."""
        ...

    async def first_claim(self, key: str, now: Moment) -> Moment:
        """Claim a key; when it was claimed first, by whoever."""
        ...

    async def claimed(self, key: str) -> bool:
        """True when a key was claimed before."""
        ...

    async def last_claim(self, prefix: str) -> str | None:
        """The key that was claimed last of those that begin with `prefix`."""
        ...

    async def count_claims(self, prefix: str) -> int:
        """How many keys were claimed that begin with `prefix`."""
        ...
