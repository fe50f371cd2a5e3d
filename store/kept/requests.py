"""The queue of a cluster: of the thousands of requests that may wait, only those are read whole that are new.

A request that waits never changes but for why it waits. What is kept are those that waited at the last reading; what
they ask for, and since when, is compared all the same, since a database may be put back to what it was before.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, select, type_coerce

from fleet.models.ledger import Request, RequestState
from store.request_rows import read_request
from store.tables.ledger import REQUESTS

_QUEUE = (
    select(
        REQUESTS.c.id,
        REQUESTS.c.waits_because,
        REQUESTS.c.hosts,
        REQUESTS.c.part,
        type_coerce(
            REQUESTS.c.asked_at, Text
        ),  # as it is stored: made a moment of, ten thousand cost as much as all else
    )
    .where(REQUESTS.c.cluster == bindparam("cluster_"), REQUESTS.c.state == RequestState.WAITING)
    .order_by(REQUESTS.c.asked_at, REQUESTS.c.id)
)
_WHOLE = select(REQUESTS).where(
    REQUESTS.c.id.in_(bindparam("ids_", expanding=True)), REQUESTS.c.state == RequestState.WAITING
)
_Stamp = tuple[Any, ...]
"""What a request asks for, and since when, as it is stored."""
AT_ONCE = 500
"""Requests that are read by one statement."""


class KeptRequests:
    """Waiting requests by cluster."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[str, tuple[_Stamp, Request]]] = {}

    def read(self, connection: Connection, cluster: str) -> tuple[Request, ...]:
        """Waiting requests, oldest first."""
        known = self._queues.get(cluster, {})
        rows = connection.execute(_QUEUE, {"cluster_": cluster}).all()
        new = _read(connection, [row[0] for row in rows if not _is(known.get(row[0]), row[2:])])
        queue: dict[str, tuple[_Stamp, Request]] = {}
        for row in rows:
            name, because = row[0], row[1]
            request = new.get(name)
            if request is None:
                if not _is(known.get(name), row[2:]):
                    continue  # granted or withdrawn between the two statements
                request = known[name][1]
            if request.waits_because != because:
                request = request.model_copy(update={"waits_because": because})
            queue[name] = row[2:], request
        self._queues[cluster] = queue
        return tuple([request for _, request in queue.values()])


def _is(known: tuple[_Stamp, Request] | None, stamp: _Stamp) -> bool:
    return known is not None and known[0] == stamp


def _read(connection: Connection, names: Sequence[str]) -> dict[str, Request]:
    found: dict[str, Request] = {}
    for at in range(0, len(names), AT_ONCE):
        rows = connection.execute(_WHOLE, {"ids_": names[at : at + AT_ONCE]})
        found |= {row.id: read_request(row) for row in rows}
    return found
