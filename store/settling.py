"""Settling: read the facts, let a policy decide, commit what it decided; one cluster's settlings never overlap."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from fleet import ids
from fleet.errors import MaintrainError
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.event import EventKind, event
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Autostop, Counted, LeaseHost, Request, RequestClass, RequestState, Settlement
from fleet.models.observation import Observation
from fleet.models.train import VisitState
from store import documents, upserts
from store.audit import write_audit
from store.clock import clock_of
from store.events import write_event
from store.kept.requests import KeptRequests
from store.ledger_facts import Facts
from store.operation_parts import begin_part
from store.part import ledger_lock
from store.request_rows import read_request
from store.requests import override_of
from store.tables.ledger import AUTOSTOPS, LEASE_HOSTS, OBSERVATIONS, REQUESTS
from store.tables.trains import VISITS

T = TypeVar("T")

_THIS = select(REQUESTS).where(REQUESTS.c.id == bindparam("id_"), REQUESTS.c.cluster == bindparam("cluster_"))
_WAITS = update(REQUESTS).where(REQUESTS.c.id == bindparam("id_")).values(waits_because=bindparam("because_"))


class Settling(Facts):
    """The dispatcher's transactions."""

    async def settle(self, cluster: str, now: Moment | None, decide: Callable[[LedgerFacts], Settlement]) -> Settlement:
        """Read the facts, decide, and commit grants, waits and autostops at once.

        `now` is None but in tests: the facts' clock is read in the transaction, once nobody else writes. Read before,
        it would let whoever waited or stood still meanwhile take an old look for a fresh one. It is read again for the
        grants, when all else is written: they begin no earlier than anybody can see them, but for that writing.

        A repair's leases count as failed, all others as planned.

        Only a waiting request is granted: one granted before is left as it is. Raises MaintrainError, and changes
        nothing, when a grant names an ended or unknown request or a host that is leased; what `decide` raises does
        the same.
        """

        def work(connection: Connection) -> Settlement:
            facts = self._ledger_facts(connection, cluster, now or clock_of(connection))
            settlement = decide(facts)
            _commit(connection, facts, settlement, now)
            return settlement

        return await self._settled(work, [ledger_lock(cluster)])

    async def settle_together(
        self,
        clusters: Iterable[str],
        now: Moment | None,
        decide: Callable[[Mapping[str, LedgerFacts]], Mapping[str, Settlement]],
    ) -> Mapping[str, Settlement]:
        """`settle` for several clusters at one instant: what was decided is committed in all that it names, or, when
        anything about it is refused, in none.
        """
        names = sorted(set(clusters))

        def work(connection: Connection) -> Mapping[str, Settlement]:
            at = now or clock_of(connection)
            facts = {name: self._ledger_facts(connection, name, at) for name in names}
            decided = decide(facts)
            for name, settlement in decided.items():
                _commit(connection, facts[name], settlement, now)
            return decided

        return await self._settled(work, [ledger_lock(name) for name in names])

    async def _settled(self, work: Callable[[Connection], T], locks: list[str]) -> T:
        try:
            return await self._database.write(work, lock=locks)
        except MaintrainError:
            self._requests = KeptRequests()  # should it be what was kept that is wrong, the next one reads it anew
            raise

    async def record_observation(self, observation: Observation) -> None:
        """The dispatcher's look. One with an `error` keeps the hosts and age of the last good one; one that began
        before that is not kept: whoever took it was held up, and the other knows better. Not so where the known one is
        still to come by the facts' clock, which was put back since: it would stay, and seem fresh, for as long as that.
        """
        document = documents.dump(observation.model_copy(update={"error": ""}))

        def work(connection: Connection) -> int | None:
            known = self._observations.read(connection, observation.cluster)
            if known is not None and known.began_at > observation.began_at:
                put_back = known.began_at > clock_of(connection) >= observation.began_at
                if not put_back:
                    return None
            row = {"cluster": observation.cluster, "document": document, "error": observation.error}
            statement = upserts.insert(connection.dialect.name, OBSERVATIONS).values(**row, version=1)
            set_: dict[str, Any] = {"error": observation.error}
            if not observation.error:
                set_ |= {"document": document, "version": OBSERVATIONS.c.version + 1}
            statement = statement.on_conflict_do_update(index_elements=["cluster"], set_=set_)
            return int(connection.execute(statement.returning(OBSERVATIONS.c.version)).scalar_one())

        version = await self._database.write(work, lock=f"look/{observation.cluster}")
        if version is not None and not observation.error:
            self._observations.keep(version, observation)

    async def set_autostop(
        self, cluster: str, pool: str, autostop: Autostop, actor: str, reason: str, now: Moment
    ) -> None:
        """An operator resumes (or a train pauses) a pool. Audited when it changes something."""

        def work(connection: Connection) -> None:
            this = (AUTOSTOPS.c.cluster == cluster) & (AUTOSTOPS.c.pool == pool)
            text = connection.execute(select(AUTOSTOPS.c.document).where(this)).scalar_one_or_none()
            if text == documents.dump(autostop):
                return
            before = None if text is None else documents.load(Autostop, text, "autostops", f"{cluster}/{pool}")
            _write_autostop(connection, (cluster, pool), autostop, before, now, reason)
            action = "autostop" if autostop.stopped else "resume"
            entry = AuditEntry(at=now, actor=actor, action=action, subject=f"pool {cluster}/{pool}", reason=reason)
            write_audit(connection, entry)

        await self._database.write(work, lock=ledger_lock(cluster))


def _commit(connection: Connection, facts: LedgerFacts, settlement: Settlement, now: Moment | None) -> None:
    """Write waits, autostops and grants of one cluster. The grants begin `now`, which by default is when it comes to
    them: from then on whoever began before has a fence's life, and what was verified before does not count.
    """
    cluster = facts.cluster
    requests = {request.id: request for request in facts.requests}
    granted = {grant.request for grant in settlement.grants}
    changed = [
        {"id_": wait.request, "because_": wait.reason}
        for wait in settlement.waits
        if (asked := requests.get(wait.request)) is not None
        and wait.request not in granted
        and asked.waits_because != wait.reason
    ]
    if changed:
        connection.execute(_WAITS, changed)
    for pool, autostop in settlement.autostops.items():
        if (before := facts.autostops.get(pool)) != autostop:
            _write_autostop(connection, (cluster, pool), autostop, before, facts.now)
    if not settlement.grants:
        return
    at = now or clock_of(connection)
    for grant in settlement.grants:
        request = _as_it_stands(connection, cluster, grant.request, requests.get(grant.request))
        if request.state is RequestState.WAITING:
            hosts = grant.hosts or request.hosts
            _grant(connection, request.model_copy(update={"hosts": hosts, "granted_at": at}), at)


def _as_it_stands(connection: Connection, cluster: str, request_id: str, decided: Request | None) -> Request:
    """A request that is to be granted, or was before. Most of a queue is kept from one reading to the next: what is
    granted is what the row says, also where the database was put back, and the same name is another's request.
    """
    row = connection.execute(_THIS, {"id_": request_id, "cluster_": cluster}).one_or_none()
    if row is None or row.state not in ((RequestState.GRANTED,) if decided is None else (RequestState.WAITING,)):
        state = "unknown" if row is None else row.state
        raise MaintrainError(f"cluster {cluster}: request {request_id} can't be granted: it is {state}, not waiting")
    found = read_request(row)
    if decided is not None and found != decided.model_copy(update={"waits_because": found.waits_because}):
        raise MaintrainError(f"cluster {cluster}: request {request_id} asks for something else than was kept of it")
    return found


def _grant(connection: Connection, request: Request, now: Moment) -> None:
    row = {"state": RequestState.GRANTED, "granted_at": now, "waits_because": ""}
    if request.override is not None or request.partial:
        row["hosts"] = documents.dump_names(request.hosts)
    if request.override is not None:
        write_audit(connection, _overriding(request))
    connection.execute(update(REQUESTS).where(REQUESTS.c.id == request.id).values(**row))
    # Where the holder is a visit, the grant begins its length.
    visit = (VISITS.c.id == request.holder) & (VISITS.c.state == VisitState.WAITING)
    connection.execute(update(VISITS).where(visit).values(state=VisitState.RUNNING, granted_at=now))
    if request.part is not None:
        begin_part(connection, request.cluster, request.part, now)
        if not request.part.takes:
            return
    try:
        connection.execute(insert(LEASE_HOSTS), [_lease(request, host, now).model_dump() for host in request.hosts])
    except IntegrityError as error:
        hosts = ", ".join(request.hosts)
        raise MaintrainError(f"cluster {request.cluster}: {request.id} can't hold {hosts}: one is leased") from error


def _overriding(request: Request) -> AuditEntry:
    """The deed of granting past buffers and floors, in the name of who asked for it."""
    override = override_of(request)
    lifted, those = override.numbers or "planned buffers and floors", ", all that are up" if override.whole else ""
    return AuditEntry(
        at=override.since,
        actor=override.actor,
        action="override",
        subject=f"cluster {request.cluster}",
        reason=override.reason,
        detail=f"{lifted}, for {override.request} until {override.told_until}: {len(request.hosts)} hosts{those}",
    )


def _lease(request: Request, host: str, now: Moment) -> LeaseHost:
    return LeaseHost(
        cluster=request.cluster,
        host=host,
        request=request.id,
        holder=request.holder,
        operation=ids.operation(request.share, host),
        counted=Counted.FAILED if request.kind is RequestClass.REPAIR else Counted.PLANNED,
        since=now,
        expected_end=now + timedelta(seconds=request.expected_seconds) if request.expected_seconds else None,
        why=request.why,
    )


def _write_autostop(
    connection: Connection,
    where: tuple[str, str],
    autostop: Autostop,
    before: Autostop | None,
    now: Moment,
    reason: str = "",
) -> None:
    cluster, pool = where
    row = {"cluster": cluster, "pool": pool, "document": documents.dump(autostop)}
    upserts.put(connection, AUTOSTOPS, row, key=("cluster", "pool"))
    if autostop.stopped == (before is not None and before.stopped):
        return
    kind = EventKind.AUTOSTOP if autostop.stopped else EventKind.AUTOSTOP_OVER
    occasion = f"{cluster}/{pool}/{now.isoformat()}"
    told = reason or autostop.reason
    write_event(connection, event(kind, occasion, now, where, subject=f"pool {cluster}/{pool}", reason=told))
