"""What the workflows share that look, do what the look says, and rest until something changes or its time has come."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from fleet.models.messages import Command
    from workflows.options import at


class Look(Protocol):
    """What a look tells."""

    @property
    def reason(self) -> str:
        """Why it stands as it does."""
        ...

    @property
    def picture(self) -> str:
        """How it stands, in markdown."""
        ...

    @property
    def refusals(self) -> Mapping[str, str]:
        """Orders that are refused just now, and why."""
        ...


Seen = TypeVar("Seen", bound=Look)


class Looking(Generic[Seen]):
    """`woken` says that something changed since the last look, which is `last`."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.woken = False
        self.last: Seen | None = None

    async def rest(self, pause: timedelta) -> None:
        """Until it is woken, at most for a pause; the UI shows why."""
        why = self.last.reason if self.last is not None else "look again"
        try:
            await workflow.wait_condition(lambda: self.woken, timeout=pause, timeout_summary=why[:200])
        except TimeoutError:
            self.woken = True

    async def put_in_force(self, verb: str, deed: Callable[..., Awaitable[str]], order: Command) -> str:
        """Have an activity put a person's word in force, and look at once. Its refusal is the update's."""
        options: Any = at(self.cluster, f"{verb}: {order.reason}")
        try:
            told: str = await workflow.execute_activity_method(deed, order, **options)
        except ActivityError as error:
            raise ApplicationError(str(error.cause or error), non_retryable=True) from error
        self.woken = True
        return told

    def check(self, verb: str, command: Command) -> None:
        """Raise ValueError for a word without a reason, or one that the last look refuses: it costs no history."""
        if not command.reason.strip():
            raise ValueError("expected a reason")
        refused = self.last.refusals.get(verb) if self.last is not None else None
        if refused:
            raise ValueError(refused)

    @workflow.signal(description="Something changed: look anew")
    def wake(self) -> None:
        """Look anew."""
        self.woken = True

    @workflow.query(description="How it stands, and why it waits")
    def picture(self) -> str:
        """The picture in markdown."""
        return self.last.picture if self.last else "not looked at yet"
