"""What every part of the store is made of: the database, and what was read from it and may be kept."""

from store.database import Database
from store.kept.fleet import KeptFleet
from store.kept.hosts import KeptHosts
from store.kept.observations import KeptObservations
from store.kept.requests import KeptRequests


class Part:
    """A part of the store; all parts of one store share these."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fleet = KeptFleet()
        self._hosts = KeptHosts()
        self._observations = KeptObservations()
        self._requests = KeptRequests()


def ledger_lock(cluster: str) -> str:
    """The lock that serialises what touches a cluster's ledger."""
    return f"ledger/{cluster}"
