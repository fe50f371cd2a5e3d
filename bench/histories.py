"""Lengths of the histories that a run left on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client

TYPES = ("Dispatcher", "MaintenanceTrain", "DomainVisit", "HostMaintenance", "HostRepair")


@dataclass(frozen=True)
class Lengths:
    """Events of all runs of one workflow type."""

    runs: int
    events: int
    longest: int

    @property
    def mean(self) -> float:
        """Events of a run."""
        return round(self.events / self.runs, 1) if self.runs else 0.0


async def lengths(client: Client, types: Sequence[str] = TYPES) -> dict[str, Lengths]:
    """By workflow type. Each run is asked for itself, since the list lags behind those that go on."""
    found = {}
    for name in types:
        events = []
        async for run in client.list_workflows(f"WorkflowType = '{name}'"):
            length = run.history_length
            if run.close_time is None:
                length = (await client.get_workflow_handle(run.id, run_id=run.run_id).describe()).history_length
            events.append(length)
        found[name] = Lengths(len(events), sum(events), max(events, default=0))
    return found
