"""The last check before a side effect."""

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

Fence = Callable[[], Awaitable[None]]
"""Awaited by a driver immediately before it sends a side effect, with nothing in between. Raises `StaleAttempt`,
`LeaseLost` or a stop's refusal when this attempt may no longer act: a worker frozen past its heartbeat wakes
beside its successor and must not act a second time."""


@runtime_checkable
class Noting(Protocol):
    """A fence that writes down that its effect is being sent. `ahead` is the same check without the note."""

    async def __call__(self) -> None:
        """Check, and note."""
        ...

    async def ahead(self) -> None:
        """Check before what alone begins nothing, such as the first part of an upload."""
        ...


def ahead_of(fence: Fence) -> Fence:
    """The fence before a part of the sending that alone begins nothing."""
    return fence.ahead if isinstance(fence, Noting) else fence


async def open_fence() -> None:
    """A fence that always lets pass, for calls that change nothing that matters twice."""
