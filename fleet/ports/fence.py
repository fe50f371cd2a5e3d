"""The last check before a side effect."""

from collections.abc import Awaitable, Callable

Fence = Callable[[], Awaitable[None]]
"""Awaited by a driver immediately before it sends a side effect, with nothing in between. Raises `StaleAttempt`,
`LeaseLost` or a stop's refusal when this attempt may no longer act: a worker frozen past its heartbeat wakes
beside its successor and must not act a second time."""


async def open_fence() -> None:
    """A fence that always lets pass, for calls that change nothing that matters twice."""
