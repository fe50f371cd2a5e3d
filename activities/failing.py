"""How errors of the failure tree cross into Temporal."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import pages
from activities.deps import Deps
from fleet.errors import DriverError, ForeignHold, InvalidInput, LeaseLost, MaintrainError, Refused, StepFailed

P = ParamSpec("P")
R = TypeVar("R")


class _HasDeps(Protocol):
    deps: Deps


S = TypeVar("S", bound=_HasDeps)

FINAL = (InvalidInput, Refused, ForeignHold, LeaseLost, StepFailed)
"""Errors that trying again does not mend. All others may pass, a broken store's too, once a person has seen to it."""

FAULT_TOLD_AT = 3
"""Attempt at which people are told of an error that nobody foresaw: earlier ones may be a passing oddity."""


def mapped(
    body: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Turn `MaintrainError` into `ApplicationError` with the class's name as type.

    Retryable ones are retried by the policy of the call; `StaleAttempt` too, since a newer attempt then has the step.
    Driver errors are benign: the outside world being slow is no bug of ours. An error outside the tree is one: it is
    retried, for a mended release carries on where this one stood, and people are told.
    """

    @functools.wraps(body)
    async def run(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await body(self, *args, **kwargs)
        except MaintrainError as error:
            raise ApplicationError(
                str(error),
                {"who": error.who, "host_state": error.host_state},
                type=type(error).__name__,
                non_retryable=isinstance(error, FINAL),
                category=ApplicationErrorCategory.BENIGN
                if isinstance(error, DriverError)
                else ApplicationErrorCategory.UNSPECIFIED,
            ) from error
        except (ApplicationError, asyncio.CancelledError):
            raise
        except Exception as error:
            if activity.info().attempt == FAULT_TOLD_AT:
                await self.deps.page(pages.our_fault(activity.info().activity_type, error))
            raise

    return cast(Callable[Concatenate[S, P], Coroutine[Any, Any, R]], run)
