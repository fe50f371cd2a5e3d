"""How errors of the failure tree cross into Temporal."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from fleet.errors import DriverError, MaintrainError, StaleAttempt

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


def mapped(
    body: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Turn `MaintrainError` into `ApplicationError` with the class's name as type.

    Retryable ones are retried by the policy of the call; `StaleAttempt` too, since a newer attempt then has the step.
    Driver errors are benign: the outside world being slow is no bug of ours.
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
                non_retryable=not (error.retryable or isinstance(error, StaleAttempt)),
                category=ApplicationErrorCategory.BENIGN
                if isinstance(error, DriverError)
                else ApplicationErrorCategory.UNSPECIFIED,
            ) from error

    return cast(Callable[Concatenate[S, P], Coroutine[Any, Any, R]], run)
