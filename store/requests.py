"""Requests to disrupt hosts, from asking to the holder's acknowledgement."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, update

from fleet import ids
from fleet.errors import StaleAttempt
from fleet.models.base import Moment
from fleet.models.emergency import BUSY
from fleet.models.ledger import Request, RequestState
from fleet.models.override import OverrideInForce
from store import documents, upserts
from store.part import Part, ledger_lock
from store.request_rows import read_request
from store.tables.emergencies import EMERGENCY_HOSTS
from store.tables.ledger import LEASE_HOSTS, REQUESTS
from store.tables.trains import VISITS

_MEETING = (
    select(REQUESTS)
    .where(
        REQUESTS.c.cluster == bindparam("cluster_"),
        REQUESTS.c.state == RequestState.WAITING,
        REQUESTS.c.joint.is_not(None),
    )
    .order_by(REQUESTS.c.asked_at, REQUESTS.c.id)
)
_OVERRIDING = (
    select(REQUESTS)
    .where(
        REQUESTS.c.cluster == bindparam("cluster_"),
        REQUESTS.c.state == RequestState.GRANTED,
        REQUESTS.c.override.is_not(None),
    )
    .order_by(REQUESTS.c.granted_at, REQUESTS.c.id)
)
_END = (
    update(REQUESTS)
    .where(REQUESTS.c.id == bindparam("id_"), REQUESTS.c.state != RequestState.ENDED)
    .values(state=RequestState.ENDED, ended_at=bindparam("now_"), end_reason=bindparam("reason_"))
)
_LEFT = select(LEASE_HOSTS.c.host).where(LEASE_HOSTS.c.request == bindparam("request_")).limit(1)


def meeting(connection: Connection, cluster: str) -> tuple[Request, ...]:
    """Waiting requests that are part of a joint visit, oldest first."""
    return tuple([read_request(row) for row in connection.execute(_MEETING, {"cluster_": cluster})])


def overrides_in_force(connection: Connection, cluster: str) -> tuple[OverrideInForce, ...]:
    """Overrides whose requests hold a lease, oldest grant first."""
    return tuple(override_of(read_request(row)) for row in connection.execute(_OVERRIDING, {"cluster_": cluster}))


def override_of(request: Request) -> OverrideInForce:
    """What a granted request's override allows from its grant on."""
    override, since = request.override, request.granted_at
    if override is None or since is None:
        raise ValueError(f"expected a granted request with an override, found {request.id}")
    until = None if override.lasts is None else since + timedelta(seconds=override.lasts)
    return OverrideInForce(
        request=request.id,
        holder=request.holder,
        actor=override.actor,
        reason=override.reason,
        since=since,
        until=until,
        planned_buffer=override.planned_buffer,
        floor=override.floor,
    )


def _as_it_was(row: "Row[Any]") -> OverrideInForce:
    found = override_of(read_request(row))
    if row.ended_at is None:
        return found
    return found.model_copy(update={"until": min(found.until or row.ended_at, row.ended_at)})


def end_request(connection: Connection, request_id: str, reason: str, now: Moment) -> None:
    """End a request that has not ended yet."""
    connection.execute(_END, {"id_": request_id, "now_": now, "reason_": reason})


def end_without_leases(connection: Connection, request_id: str, reason: str, now: Moment) -> None:
    """End a granted request whose last lease is gone."""
    if connection.execute(_LEFT, {"request_": request_id}).first() is None:
        end_request(connection, request_id, reason, now)


def file_request(connection: Connection, request: Request) -> Request:
    """File a request, or find the one of that id as it stands."""
    override = None if request.override is None else documents.dump(request.override)
    joint = None if request.joint is None else documents.dump(request.joint)
    row = {**request.model_dump(), "hosts": documents.dump_names(request.hosts)}
    part = None if request.part is None else documents.dump(request.part)
    row |= {"override": override, "joint": joint, "part": part}
    if upserts.add_missing(connection, REQUESTS, {**row, "end_reason": ""}):
        return request
    return read_request(connection.execute(select(REQUESTS).where(REQUESTS.c.id == request.id)).one())


def _is_over(connection: Connection, visit: str) -> bool:
    """Whether a train's visit has ended, or an emergency's stop waits for no host and has none."""
    emergency = ids.emergency_of(visit)
    if emergency is None:
        ended = select(VISITS.c.id).where(VISITS.c.id == visit, VISITS.c.ended_at.is_not(None))
        return connection.execute(ended).first() is not None
    c = EMERGENCY_HOSTS.c
    its = select(c.host).where(c.emergency == emergency, c.stop == visit, c.state.in_(BUSY)).limit(1)
    return connection.execute(its).first() is None


class Requests(Part):
    """Requests as their holders see them."""

    async def request(self, request: Request, *, unless_over: bool = False) -> Request:
        """File a request, or return the one of that id as it stands. Raises `StaleAttempt`, and files nothing,
        `unless_over`, when its holder, a visit, is over.
        """

        def work(connection: Connection) -> Request:
            if unless_over and _is_over(connection, request.holder):
                raise StaleAttempt(f"{request.holder} is over")
            return file_request(connection, request)

        return await self._database.write(work, lock=ledger_lock(request.cluster))

    async def unacknowledged(self, cluster: str) -> tuple[Request, ...]:
        """Granted requests whose holder has not acknowledged, oldest grant first."""
        these = and_(
            REQUESTS.c.cluster == cluster,
            REQUESTS.c.state == RequestState.GRANTED,
            REQUESTS.c.acknowledged_at.is_(None),
        )

        def work(connection: Connection) -> tuple[Request, ...]:
            rows = connection.execute(select(REQUESTS).where(these).order_by(REQUESTS.c.granted_at, REQUESTS.c.id))
            return tuple(read_request(row) for row in rows)

        return await self._database.read(work)

    async def overrides(self, cluster: str) -> tuple[OverrideInForce, ...]:
        """Every override of buffers and floors that was ever granted, oldest first, each until it ended."""
        these = and_(
            REQUESTS.c.cluster == cluster, REQUESTS.c.override.is_not(None), REQUESTS.c.granted_at.is_not(None)
        )

        def work(connection: Connection) -> tuple[OverrideInForce, ...]:
            rows = connection.execute(select(REQUESTS).where(these).order_by(REQUESTS.c.granted_at, REQUESTS.c.id))
            return tuple(_as_it_was(row) for row in rows)

        return await self._database.read(work)

    async def acknowledge(self, request_id: str, now: Moment) -> Request | None:
        """The holder knows of its grant. None for an unknown request; one that waits stays unacknowledged."""

        def work(connection: Connection) -> Request | None:
            this = REQUESTS.c.id == request_id
            first = REQUESTS.c.acknowledged_at.is_(None) & REQUESTS.c.granted_at.is_not(None)
            connection.execute(update(REQUESTS).where(this, first).values(acknowledged_at=now))
            row = connection.execute(select(REQUESTS).where(this)).one_or_none()
            return None if row is None else read_request(row)

        return await self._database.write(work)
