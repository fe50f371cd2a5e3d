"""Stops, freezes and resumes that come as signals: written as rows at once, whatever else the workflow waits for."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.dispatcher import Dispatching
    from fleet.models.messages import StopCommand
    from workflows.options import at
    from workflows.telling import Note, command


class Orders:
    """Writes what came, one after the other in the order it came. Handlers await it, so no run ends before."""

    def __init__(self, cluster: str, pool: str | None = None) -> None:
        self._cluster, self._pool = cluster, pool
        self._turn = asyncio.Lock()

    async def write(self, verb: str, note: Note) -> tuple[str, ...]:
        """Put one order in force; the pools whose trains are to be told."""
        order = command(note)
        row = StopCommand(cluster=self._cluster, pool=self._pool, verb=verb, actor=order.actor, reason=order.reason)
        async with self._turn:
            try:
                pools: tuple[str, ...] = await workflow.execute_activity_method(
                    Dispatching.write_stop, row, **at(self._cluster, f"{verb}: {order.reason}")
                )
            except ActivityError as error:
                workflow.logger.error(f"{verb} of {row.cluster} could not be written: {error.cause or error}")
                return ()
        return pools
