"""The port to the workflow engine, for activities that must know whether a holder still exists."""

from collections.abc import Collection
from typing import Protocol

from fleet.models.base import Moment


class Engine(Protocol):
    """What activities may ask of Temporal. Raises `Unreachable`."""

    async def running(self, workflow_id: str) -> bool:
        """True while a run of that id is open."""
        ...

    async def wake(self, workflow_id: str) -> bool:
        """Tell a workflow that something changed; False when no run of that id is open."""
        ...

    async def signalled(self, workflow_id: str, run_id: str, signal: str) -> Moment | None:
        """When such a signal last came in to that run, by the engine's clock; None where it tells of none."""
        ...


class Pager(Protocol):
    """Tells people."""

    async def page(self, title: str, body: str, to: str = "", but: Collection[str] = ()) -> None:
        """Send one page to every configured address; with none configured it is only logged.

        `to` names one more address that it is for, such as a rollout owner's: an environment variable of the worker.
        `but` are those that need it no more. Raises `NotAllTold`, which names them, where some took it and some did
        not, and another `Unreachable` where that can't be told.
        """
        ...
