"""All of the facts behind one object, each noun in a file of its own."""

from fleet.models.base import Moment
from store.audit import Audit
from store.avoidances import Avoidances
from store.baselines import Measurements
from store.cycles import Cycles
from store.emergencies import Emergencies
from store.events import Events
from store.fleet_files import FleetFiles
from store.footing import Footings
from store.handovers import Handovers
from store.history import History
from store.intents import Intents
from store.ladders import Ladders
from store.leases import Leases
from store.matrix import Matrix
from store.members import Members
from store.notices import Notices
from store.noticing import Noticing
from store.operations import Operations
from store.outbox import Outbox
from store.pin_hosts import PinHosts
from store.pins import Pins
from store.pool_counts import PoolCounts
from store.rendezvous import Rendezvous
from store.report_facts import ReportBook
from store.requests import Requests
from store.rollouts import Rollouts
from store.settling import Settling
from store.stops import Stops
from store.trains import Trains
from store.trials import Trials
from store.versions import Versions
from store.visits import Visits


class SqlStore(
    FleetFiles,
    Members,
    Versions,
    Matrix,
    Audit,
    Trains,
    Avoidances,
    Notices,
    Cycles,
    Visits,
    Requests,
    Settling,
    Noticing,
    Handovers,
    Leases,
    Stops,
    Intents,
    Footings,
    History,
    Ladders,
    Rollouts,
    Trials,
    Pins,
    PinHosts,
    Operations,
    Emergencies,
    Rendezvous,
    Outbox,
    Events,
    PoolCounts,
    ReportBook,
    Measurements,
):
    """The `fleet.ports.store.Store` over SQL. Use it from one event loop."""

    async def clock(self) -> Moment:
        """The time by the facts' own clock, in UTC: what is compared with it comes from it, whoever wrote it, so the
        clocks of workers and people's machines don't matter.
        """
        return await self._database.clock()

    async def close(self) -> None:
        """Let go of connections."""
        await self._database.close()
