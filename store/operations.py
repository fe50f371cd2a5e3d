"""Submitted operations: their rows, their requests, and what is known of the hosts of their scopes."""

from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.intent import IntentState
from fleet.models.ledger import Request, RequestState
from fleet.models.operation import (
    BEFORE_GRANT,
    Operation,
    OperationChange,
    OperationHost,
    OperationSpec,
    OperationState,
)
from fleet.models.operation_part import Parking
from store import documents
from store.audit import write_audit
from store.intents import under_way
from store.members import mark_released
from store.operation_events import tell_operation
from store.operation_parts import end_parts, hosts_of_operation, parkings_of, unpark
from store.part import Part, ledger_lock
from store.prefixes import begins_with
from store.request_rows import read_request
from store.requests import end_request, file_request
from store.tables.hosts import INTENTS
from store.tables.ledger import LEASE_HOSTS, REQUESTS
from store.tables.operations import OPERATIONS

_LOCK = "operations"
_SOME = 500
"""Names in one statement; databases bound them."""


class Operations(Part):
    """Submitted operations."""

    async def submit_operation(self, spec: OperationSpec, now: Moment) -> tuple[Operation, bool]:
        """Write an operation, or find the one of that key; True when it is new. Audited.

        Raises InvalidInput when the key was used for something else.
        """

        def work(connection: Connection) -> tuple[Operation, bool]:
            known = _of_key(connection, spec.key)
            if known is not None:
                if known.spec != spec:
                    told = f"expected a key of its own: {known.id} was submitted with it before, with another"
                    raise InvalidInput("key", spec.key, f"{told} {_first_difference(known.spec, spec)}")
                return known, False
            number = 1 + (connection.execute(select(func.max(OPERATIONS.c.number))).scalar() or 0)
            made = Operation(id=ids.op(number), number=number, spec=spec, submitted_at=now, changed_at=now)
            row_of = {"id": made.id, "number": number, "key": spec.key, "cluster": spec.clusters[0]}
            values = {**row_of, "state": made.state, "over": False, "document": documents.dump(made)}
            connection.execute(insert(OPERATIONS).values(**values))
            entry = {"at": now, "actor": spec.actor, "action": "submit", "subject": f"operation {made.id}"}
            write_audit(connection, AuditEntry(**entry, reason=spec.reason, detail=f"{spec.kind} of {made.scope}"))
            return made, True

        return await self._database.write(work, lock=_LOCK)

    async def operation(self, op_id: str) -> Operation | None:
        """One of them."""
        return await self._database.glance(lambda connection: _read(connection, op_id))

    async def operation_of_key(self, key: str) -> Operation | None:
        """The one that was submitted under a key."""
        return await self._database.glance(lambda connection: _of_key(connection, key))

    async def open_operations(self, cluster: str) -> tuple[str, ...]:
        """Ids of those whose first cluster it is and that are not over, the newest first."""
        these = OPERATIONS.c.over.is_(False) & (OPERATIONS.c.cluster == cluster)
        statement = select(OPERATIONS.c.id).where(these).order_by(OPERATIONS.c.number.desc())
        return await self._database.read(lambda connection: tuple(connection.execute(statement).scalars()))

    async def operations(
        self, *, cluster: str | None = None, over: bool | None = None, limit: int = 200
    ) -> tuple[Operation, ...]:
        """The newest first; those whose first cluster it is, those that are over or not."""
        statement = select(OPERATIONS.c.id, OPERATIONS.c.document)
        if over is not None:
            statement = statement.where(OPERATIONS.c.over.is_(over))
        if cluster is not None:
            statement = statement.where(OPERATIONS.c.cluster == cluster)
        statement = statement.order_by(OPERATIONS.c.number.desc()).limit(limit)

        def work(connection: Connection) -> tuple[Operation, ...]:
            rows = connection.execute(statement)
            return tuple(documents.load(Operation, row.document, "operations", row.id) for row in rows)

        return await self._database.read(work)

    async def change_operation(self, op_id: str, decide: Callable[[Operation], OperationChange]) -> Operation:
        """Read an operation, decide, and write what it becomes with its audit entry, in one transaction. One that is
        over then is active nowhere, and has no request left.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """

        def work(connection: Connection) -> Operation:
            before = _known(connection, op_id)
            change = decide(before)
            after = change.operation
            if after != before:
                _write(connection, after)
            if change.audit is not None:
                write_audit(connection, change.audit)
            if change.unparks:
                unpark(connection, op_id)
            if after.over and not before.over:
                _end(connection, before, after)
            tell_operation(connection, before, after)
            return after

        return await self._database.write(work, lock=await self._ledgers_of(op_id))

    async def ask_for_operation(self, op_id: str, requests: Sequence[Request]) -> tuple[Request, ...]:
        """File an operation's requests, one for each of its clusters, or find those there are as they stand: granted
        ones, or waiting ones for the same; waiting ones for anything else are ended and asked anew under the next
        number, keeping their age. None, with nothing filed, when it does not ask (any more).
        """

        def work(connection: Connection) -> tuple[Request, ...]:
            op = _known(connection, op_id)
            if op.state is not OperationState.ASKING or op.word is not None:
                return ()
            there = _requests(connection, op_id)
            same = {(r.cluster, r.hosts, r.part) for r in there} == {(r.cluster, r.hosts, r.part) for r in requests}
            if there and (same or any(r.state is RequestState.GRANTED for r in there)):
                return there
            number = op.ask + 1
            for request in there:
                end_request(connection, request.id, "its hosts changed while it waited", requests[0].asked_at)
            _write(connection, op.model_copy(update={"ask": number}))
            age = min((r.asked_at for r in there), default=None)
            return tuple(file_request(connection, _numbered(request, number, age)) for request in requests)

        # All of them: one that it asks no more may just be granted what it asked there.
        return await self._database.write(work, lock=await self._ledgers_of(op_id))

    async def _ledgers_of(self, op_id: str) -> list[str]:
        """The locks of all its clusters."""
        op = await self._database.glance(lambda connection: _known(connection, op_id))
        return [ledger_lock(name) for name in op.spec.clusters]

    async def operation_hosts(self, op_id: str) -> tuple[OperationHost, ...]:
        """Hosts of its scope, while it is active."""
        return await self._database.read(lambda connection: hosts_of_operation(connection, op_id))

    async def operation_requests(self, op_id: str) -> tuple[Request, ...]:
        """Its lease requests that have not ended, by cluster; those of any other holder, such as a visit, too."""
        return await self._database.read(lambda connection: _requests(connection, op_id))

    async def held_for_outsider(self, op_id: str) -> frozenset[str]:
        """Operation ids of the hosts that are drained and in the hold."""
        held = select(INTENTS.c.operation).where(INTENTS.c.step == "hold", INTENTS.c.state == IntentState.OPEN)

        def work(connection: Connection) -> frozenset[str]:
            these = begins_with(connection, INTENTS.c.operation, f"{op_id}#", f"{op_id}/")
            return frozenset(connection.execute(held.where(these)).scalars())

        return await self._database.read(work)

    async def open_effects(self, cluster: str, hosts: Iterable[str]) -> dict[str, str]:
        """Host: the step whose effect was sent and is not over, by whoever holds it."""
        names = sorted(hosts)

        def work(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for start in range(0, len(names), _SOME):
                some = names[start : start + _SOME]
                these = (LEASE_HOSTS.c.cluster == cluster) & LEASE_HOSTS.c.host.in_(some)
                for lease in connection.execute(select(LEASE_HOSTS.c.host, LEASE_HOSTS.c.operation).where(these)):
                    step = under_way(connection, lease.operation)
                    if step is not None:
                        found[lease.host] = step
            return found

        return await self._database.read(work)

    async def parkings(self, cluster: str, host: str) -> tuple[Parking, ...]:
        """Because of which operations whoever works on a host has to wait."""
        return await self._database.glance(lambda connection: parkings_of(connection, cluster, host))


def open_on(connection: Connection, clusters: Collection[str]) -> tuple[Operation, ...]:
    """Operations on any of these clusters that are not over, the oldest first."""
    statement = select(OPERATIONS.c.id, OPERATIONS.c.document).where(OPERATIONS.c.over.is_(False))
    rows = connection.execute(statement.order_by(OPERATIONS.c.number))
    found = (documents.load(Operation, row.document, "operations", row.id) for row in rows)
    return tuple(op for op in found if not set(op.spec.clusters).isdisjoint(clusters))


def _read(connection: Connection, op_id: str) -> Operation | None:
    statement = select(OPERATIONS.c.document).where(OPERATIONS.c.id == op_id)
    text = connection.execute(statement).scalar_one_or_none()
    return None if text is None else documents.load(Operation, text, "operations", op_id)


def _of_key(connection: Connection, key: str) -> Operation | None:
    statement = select(OPERATIONS.c.id, OPERATIONS.c.document).where(OPERATIONS.c.key == key)
    row = connection.execute(statement).one_or_none()
    return None if row is None else documents.load(Operation, row.document, "operations", row.id)


def _known(connection: Connection, op_id: str) -> Operation:
    found = _read(connection, op_id)
    if found is None:
        raise InvalidInput("operation", op_id, "expected one that was submitted")
    return found


def _write(connection: Connection, op: Operation) -> None:
    values = {"state": op.state, "over": op.over, "document": documents.dump(op)}
    connection.execute(update(OPERATIONS).where(OPERATIONS.c.id == op.id).values(**values))


def _requests(connection: Connection, op_id: str) -> tuple[Request, ...]:
    statement = select(REQUESTS).where(REQUESTS.c.holder == op_id, REQUESTS.c.state != RequestState.ENDED)
    return tuple(read_request(row) for row in connection.execute(statement.order_by(REQUESTS.c.cluster)))


def _numbered(request: Request, number: int, asked_at: Moment | None) -> Request:
    changed = {"id": ids.request(request.id, number - 1), "asked_at": asked_at or request.asked_at}
    return request.model_copy(update=changed)


def _end(connection: Connection, before: Operation, after: Operation) -> None:
    """Take an operation's requests back. Of one that ends before it knew of its grant no host was touched."""
    end_parts(connection, after.id)
    for request in _requests(connection, after.id):
        end_request(connection, request.id, after.reason, after.changed_at)
        if before.state in BEFORE_GRANT:
            its = delete(LEASE_HOSTS).where(LEASE_HOSTS.c.request == request.id).returning(LEASE_HOSTS.c.host)
            gone = connection.execute(its).scalars().all()
            if gone:
                mark_released(connection, request.cluster, list(gone), after.changed_at)


def _first_difference(one: OperationSpec, other: OperationSpec) -> str:
    return next(name for name in OperationSpec.model_fields if getattr(one, name) != getattr(other, name))
