"""Settling: read the facts, let a policy decide, commit what it decided; one cluster's settlings never overlap."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from fleet import ids
from fleet.errors import MaintrainError
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Autostop, Counted, LeaseHost, Request, RequestClass, RequestState, Settlement
from fleet.models.observation import Observation
from fleet.models.train import VisitState
from store import documents, upserts
from store.audit import write_audit
from store.ledger_facts import Facts
from store.part import ledger_lock
from store.requests import override_of, read_request
from store.tables.ledger import AUTOSTOPS, LEASE_HOSTS, OBSERVATIONS, REQUESTS
from store.tables.trains import VISITS


class Settling(Facts):
    """The dispatcher's transactions."""

    async def settle(self, cluster: str, now: Moment, decide: Callable[[LedgerFacts], Settlement]) -> Settlement:
        """Read the facts, decide, and commit grants, waits and autostops at once.

        A repair's leases count as failed, all others as planned.

        Only a waiting request is granted: one granted before is left as it is. Raises MaintrainError, and changes
        nothing, when a grant names an ended or unknown request or a host that is leased; what `decide` raises does
        the same.
        """

        def work(connection: Connection) -> Settlement:
            facts = self._ledger_facts(connection, cluster, now)
            settlement = decide(facts)
            requests = {request.id: request for request in facts.requests}
            for grant in settlement.grants:
                request = requests.get(grant.request) or _granted_before(connection, cluster, grant.request)
                if request.state is RequestState.WAITING:
                    hosts = grant.hosts or request.hosts
                    _grant(connection, request.model_copy(update={"hosts": hosts, "granted_at": now}), now)
            granted = {grant.request for grant in settlement.grants}
            for wait in settlement.waits:
                asked = requests.get(wait.request)
                if asked is not None and wait.request not in granted and asked.waits_because != wait.reason:
                    this = REQUESTS.c.id == wait.request
                    connection.execute(update(REQUESTS).where(this).values(waits_because=wait.reason))
            for pool, autostop in settlement.autostops.items():
                if facts.autostops.get(pool) != autostop:
                    _write_autostop(connection, cluster, pool, autostop)
            return settlement

        return await self._database.write(work, lock=ledger_lock(cluster))

    async def record_observation(self, observation: Observation) -> None:
        """The dispatcher's look. One with an `error` keeps the hosts and age of the last good one; one that began
        before that is not kept: whoever took it was held up, and the other knows better.
        """
        document = documents.dump(observation.model_copy(update={"error": ""}))

        def work(connection: Connection) -> int | None:
            known = self._observations.read(connection, observation.cluster)
            if known is not None and known.began_at > observation.began_at:
                return None
            row = {"cluster": observation.cluster, "document": document, "error": observation.error}
            statement = upserts.insert(connection.dialect.name, OBSERVATIONS).values(**row, version=1)
            set_: dict[str, Any] = {"error": observation.error}
            if not observation.error:
                set_ |= {"document": document, "version": OBSERVATIONS.c.version + 1}
            statement = statement.on_conflict_do_update(index_elements=["cluster"], set_=set_)
            return int(connection.execute(statement.returning(OBSERVATIONS.c.version)).scalar_one())

        version = await self._database.write(work)
        if version is not None and not observation.error:
            self._observations.keep(version, observation)

    async def set_autostop(
        self, cluster: str, pool: str, autostop: Autostop, actor: str, reason: str, now: Moment
    ) -> None:
        """An operator resumes (or a train pauses) a pool. Audited when it changes something."""

        def work(connection: Connection) -> None:
            this = (AUTOSTOPS.c.cluster == cluster) & (AUTOSTOPS.c.pool == pool)
            before = connection.execute(select(AUTOSTOPS.c.document).where(this)).scalar_one_or_none()
            if before == documents.dump(autostop):
                return
            _write_autostop(connection, cluster, pool, autostop)
            action = "autostop" if autostop.stopped else "resume"
            entry = AuditEntry(at=now, actor=actor, action=action, subject=f"pool {cluster}/{pool}", reason=reason)
            write_audit(connection, entry)

        await self._database.write(work, lock=ledger_lock(cluster))


def _granted_before(connection: Connection, cluster: str, request_id: str) -> Request:
    this = (REQUESTS.c.id == request_id) & (REQUESTS.c.cluster == cluster)
    row = connection.execute(select(REQUESTS).where(this)).one_or_none()
    if row is None or row.state != RequestState.GRANTED:
        state = "unknown" if row is None else row.state
        raise MaintrainError(f"cluster {cluster}: request {request_id} can't be granted: it is {state}, not waiting")
    return read_request(row)


def _grant(connection: Connection, request: Request, now: Moment) -> None:
    row = {"state": RequestState.GRANTED, "granted_at": now, "waits_because": ""}
    if request.override is not None:
        row["hosts"] = documents.dump_names(request.hosts)
        write_audit(connection, _overriding(request))
    connection.execute(update(REQUESTS).where(REQUESTS.c.id == request.id).values(**row))
    # Where the holder is a visit, the grant begins its length.
    visit = (VISITS.c.id == request.holder) & (VISITS.c.state == VisitState.WAITING)
    connection.execute(update(VISITS).where(visit).values(state=VisitState.RUNNING, granted_at=now))
    try:
        connection.execute(insert(LEASE_HOSTS), [_lease(request, host, now).model_dump() for host in request.hosts])
    except IntegrityError as error:
        hosts = ", ".join(request.hosts)
        raise MaintrainError(f"cluster {request.cluster}: {request.id} can't hold {hosts}: one is leased") from error


def _overriding(request: Request) -> AuditEntry:
    """The deed of granting past buffers and floors, in the name of who asked for it."""
    override = override_of(request)
    return AuditEntry(
        at=override.since,
        actor=override.actor,
        action="override",
        subject=f"cluster {request.cluster}",
        reason=override.reason,
        detail=f"planned buffers and floors, for {override.request} until {override.until.isoformat()} at the latest:"
        f" {len(request.hosts)} hosts, all that are up",
    )


def _lease(request: Request, host: str, now: Moment) -> LeaseHost:
    return LeaseHost(
        cluster=request.cluster,
        host=host,
        request=request.id,
        holder=request.holder,
        operation=ids.operation(request.holder, host),
        counted=Counted.FAILED if request.kind is RequestClass.REPAIR else Counted.PLANNED,
        since=now,
        expected_end=now + timedelta(seconds=request.expected_seconds) if request.expected_seconds else None,
        why=request.why,
    )


def _write_autostop(connection: Connection, cluster: str, pool: str, autostop: Autostop) -> None:
    row = {"cluster": cluster, "pool": pool, "document": documents.dump(autostop)}
    upserts.put(connection, AUTOSTOPS, row, key=("cluster", "pool"))
