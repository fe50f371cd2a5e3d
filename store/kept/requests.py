"""The queue of a cluster: of the thousands of requests that may wait, only those are read whole that are new.

A request that waits never changes but for why it waits. What is kept are those that waited at the last reading; since
when they wait is compared all the same, since a database may be put back to what it was before, and a name used again.
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
        # As it is stored: made a moment of, ten thousand cost as much as all else.
        type_coerce(REQUESTS.c.asked_at, Text),
    )
    .where(REQUESTS.c.cluster == bindparam("cluster_"), REQUESTS.c.state == RequestState.WAITING)
    .order_by(REQUESTS.c.asked_at)  # by the index, so that nothing is sorted
)
_WHOLE = select(REQUESTS).where(
    REQUESTS.c.id.in_(bindparam("ids_", expanding=True)), REQUESTS.c.state == RequestState.WAITING
)
AT_ONCE = 500
"""Requests that are read by one statement."""


class KeptRequests:
    """Waiting requests by cluster."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[str, tuple[Any, Request]]] = {}
        """By name, with the moment they were asked at as it is stored."""

    def read(self, connection: Connection, cluster: str) -> tuple[Request, ...]:
        """Waiting requests, oldest first."""
        before = self._queues.get(cluster, {})
        rows = connection.execute(_QUEUE, {"cluster_": cluster}).all()
        known = {n: kept for n, _, at in rows if (kept := before.get(n)) is not None and kept[0] == at}
        new = _read(connection, [n for n, _, _ in rows if n not in known]) if len(known) < len(rows) else {}
        queue: dict[str, tuple[Any, Request]] = {}
        for name, because, at in rows:
            kept = known.get(name)
            if kept is None:
                if (request := new.get(name)) is None:
                    continue  # granted or withdrawn between the two statements
                kept = (at, request)
            if kept[1].waits_because != because:
                kept = (at, kept[1].model_copy(update={"waits_because": because}))
            queue[name] = kept
        self._queues[cluster] = queue
        return tuple([request for _, request in queue.values()])


def _read(connection: Connection, names: Sequence[str]) -> dict[str, Request]:
    found: dict[str, Request] = {}
    for at in range(0, len(names), AT_ONCE):
        rows = connection.execute(_WHOLE, {"ids_": names[at : at + AT_ONCE]})
        found |= {row.id: read_request(row) for row in rows}
    return found
