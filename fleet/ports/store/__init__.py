"""The port to the facts: SQL behind eight nouns. Every write is idempotent by the id it carries; every method is one
transaction; everything that touches a cluster's ledger is serialised per cluster.
"""

from typing import Protocol

from fleet.models.base import Moment
from fleet.ports.baselines import Baselines
from fleet.ports.store.avoidance_book import AvoidanceBook
from fleet.ports.store.emergency_book import EmergencyBook
from fleet.ports.store.event_book import EventBook
from fleet.ports.store.fleet_facts import FleetFacts
from fleet.ports.store.host_book import HostBook
from fleet.ports.store.ladders import Ladders
from fleet.ports.store.ledger import Ledger
from fleet.ports.store.operation_book import OperationBook
from fleet.ports.store.outbox import Outbox
from fleet.ports.store.pin_book import PinBook
from fleet.ports.store.repair_book import RepairBook
from fleet.ports.store.report_book import ReportBook
from fleet.ports.store.rollout_book import RolloutBook
from fleet.ports.store.train_book import TrainBook

__all__ = [
    "AvoidanceBook",
    "Baselines",
    "EmergencyBook",
    "EventBook",
    "FleetFacts",
    "HostBook",
    "Ladders",
    "Ledger",
    "OperationBook",
    "Outbox",
    "PinBook",
    "RepairBook",
    "ReportBook",
    "RolloutBook",
    "Store",
    "TrainBook",
]


class Store(
    FleetFacts,
    TrainBook,
    AvoidanceBook,
    Ledger,
    HostBook,
    Ladders,
    RepairBook,
    RolloutBook,
    PinBook,
    OperationBook,
    EmergencyBook,
    Outbox,
    EventBook,
    ReportBook,
    Baselines,
    Protocol,
):
    """All of the facts."""

    async def clock(self) -> Moment:
        """The time by the facts' own clock, in UTC: what is compared with it comes from it, whoever wrote it, so the
        clocks of workers and people's machines don't matter.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
