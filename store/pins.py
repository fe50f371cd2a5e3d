"""Pin switches: their rows, and the point at which the new pin comes into force."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.hostlist import some
from fleet.models.audit import AuditEntry, FleetRecord
from fleet.models.base import Moment
from fleet.models.ledger import Request
from fleet.models.pin import OVER, PinChange, PinHostState, PinSpec, PinState, PinSwitch
from fleet.policy.pin_orders import pin_entry, pin_subject
from fleet.policy.pin_revision import with_targets
from store import documents
from store.audit import MAINTRAIN, write_audit
from store.fleet_files import FLEET_LOCK, write_revision
from store.part import Part, ledger_lock
from store.pin_hosts import NEWEST_FIRST, add_hosts, hosts_of, put_hosts, switches_of
from store.requests import file_request
from store.tables.pins import PIN_SWITCHES

_SETTLED = (PinHostState.CHECKED, PinHostState.FAILED, PinHostState.LATE, PinHostState.CAUGHT_UP)


class Pins(Part):
    """Pin switches."""

    async def start_pin_switch(self, spec: PinSpec, prior: str, actor: str, reason: str, now: Moment) -> PinSwitch:
        """Write a switch. Audited. `Refused` while another one of the cluster is neither over nor late."""

        def work(connection: Connection) -> PinSwitch:
            before = switches_of(connection, spec.cluster)
            under_way = next((s for s in before if s.under_way), None)
            if under_way is not None:
                raise Refused(f"{under_way.id} ({under_way.name}) is not over: {under_way.reason or under_way.state}")
            number = 1 + (before[0].number if before else 0)
            switch = PinSwitch(
                id=ids.pin_switch(spec.cluster, spec.component, number),
                number=number,
                spec=spec,
                prior=prior,
                started_by=actor,
                why=reason,
                started_at=now,
                changed_at=now,
            )
            row = {"id": switch.id, "cluster": spec.cluster, "number": number, "state": switch.state}
            connection.execute(insert(PIN_SWITCHES).values(**row, document=documents.dump(switch)))
            write_audit(connection, pin_entry(switch, "switch", actor, reason, now))
            return switch

        return await self._database.write(work, lock=_lock(spec.cluster))

    async def pin_switches(self, cluster: str | None = None) -> tuple[PinSwitch, ...]:
        """All that were ever started, the newest first; of one cluster, or of all."""
        return await self._database.read(lambda connection: switches_of(connection, cluster))

    async def pin_switch(self, switch_id: str) -> PinSwitch | None:
        """One of them."""
        return await self._database.glance(lambda connection: _read(connection, switch_id))

    async def last_pin_switch(self, cluster: str) -> PinSwitch | None:
        """The newest of a cluster, over or not: read before every return."""
        statement = NEWEST_FIRST.where(PIN_SWITCHES.c.cluster == cluster).limit(1)

        def work(connection: Connection) -> PinSwitch | None:
            row = connection.execute(statement).one_or_none()
            return None if row is None else documents.load(PinSwitch, row.document, "pin_switches", row.id)

        return await self._database.glance(work)

    async def open_pin_switches(self, cluster: str) -> tuple[PinSwitch, ...]:
        """Those of a cluster that are not over, the newest first: all but that one are late."""
        not_over = PIN_SWITCHES.c.state.not_in(OVER)
        return await self._database.read(lambda connection: switches_of(connection, cluster, not_over))

    async def change_pin_switch(self, switch_id: str, decide: Callable[[PinSwitch], PinChange]) -> PinSwitch:
        """Read a switch, decide, and write what it becomes with its hosts and audit entry, in one transaction.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """

        def work(connection: Connection) -> PinSwitch:
            before = _known(connection, switch_id)
            change = decide(before)
            _write(connection, before, change.switch)
            if change.hosts is not None:
                put_hosts(connection, switch_id, change.hosts, change.switch.changed_at)
            add_hosts(connection, switch_id, change.adds, change.switch.changed_at)
            if change.audit is not None:
                write_audit(connection, change.audit)
            return change.switch

        cluster = await self._database.glance(lambda connection: _known(connection, switch_id).spec.cluster)
        return await self._database.write(work, lock=_lock(cluster))

    async def request_for_pin(self, switch_id: str, ask: int, request: Request) -> Request | None:
        """File a switch's request, or find the one of that id as it stands; None, with nothing filed, when the switch
        does not wait for this request (any more).
        """

        def work(connection: Connection) -> Request | None:
            now = _known(connection, switch_id)
            if now.state is not PinState.REQUESTING or now.aborted or now.ask != ask:
                return None
            return file_request(connection, request)

        locks = {_lock(request.cluster), ledger_lock(request.cluster)}
        return await self._database.write(work, lock=locks)

    async def commit_pin_switch(self, switch_id: str, reason: str, now: Moment) -> PinSwitch:
        """Put the new pin in force: a revision of the fleet file with it (and with the versions that moved together as
        desired ones), the switch's row and an audit entry, in one transaction; a second time changes nothing.

        `Refused` when a host of it is not read back with the new pin, and neither in repair nor late.
        """

        def work(connection: Connection) -> PinSwitch:
            before = _known(connection, switch_id)
            if before.committed_at is not None:
                return before
            if before.state is not PinState.MOVING or before.aborted:
                raise Refused(f"{switch_id} is {before.state}: {before.aborted or before.reason}")
            unsettled = [h.host for h in hosts_of(connection, switch_id) if h.state not in _SETTLED]
            if unsettled:
                raise Refused(f"{switch_id}: {some(unsettled)} not read back with the new pin")
            record = self._in_force(connection, before)
            fleet = with_targets(record.fleet, before.spec)
            revision = write_revision(connection, record.revision + 1, fleet, record.text, before.started_by, now)
            settled = {"state": PinState.RELEASING, "committed_at": now, "changed_at": now, "reason": reason}
            after = before.model_copy(update=settled)
            _write(connection, before, after)
            write_audit(connection, _entry(after, revision.revision, reason, now))
            return after

        cluster = await self._database.glance(lambda connection: _known(connection, switch_id).spec.cluster)
        locks = {_lock(cluster), FLEET_LOCK, ledger_lock(cluster)}
        return await self._database.write(work, lock=locks)

    def _in_force(self, connection: Connection, switch: PinSwitch) -> FleetRecord:
        record = self._fleet.read(connection)
        cluster = record.fleet.cluster(switch.spec.cluster) if record else None
        if record is None or cluster is None:
            raise InvalidInput(
                "fleet file in force", f"clusters.{switch.spec.cluster}", "expected a cluster of that name"
            )
        pinned = cluster.pins.get(switch.spec.component)
        if pinned != switch.prior:
            raise Refused(f"{switch.id} leads away from {switch.prior}, and {pinned} is in force")
        return record


def _lock(cluster: str) -> str:
    return f"pins/{cluster}"


def _read(connection: Connection, switch_id: str) -> PinSwitch | None:
    statement = select(PIN_SWITCHES.c.document).where(PIN_SWITCHES.c.id == switch_id)
    text = connection.execute(statement).scalar_one_or_none()
    return None if text is None else documents.load(PinSwitch, text, "pin_switches", switch_id)


def _known(connection: Connection, switch_id: str) -> PinSwitch:
    found = _read(connection, switch_id)
    if found is None:
        raise InvalidInput("pin switch", switch_id, "expected one that was started")
    return found


def _write(connection: Connection, before: PinSwitch, after: PinSwitch) -> None:
    if after != before:
        values = {"state": after.state, "document": documents.dump(after)}
        connection.execute(update(PIN_SWITCHES).where(PIN_SWITCHES.c.id == after.id).values(**values))


def _entry(switch: PinSwitch, revision: int, reason: str, now: Moment) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=MAINTRAIN,
        action="pin commit",
        subject=pin_subject(switch.id),
        reason=f"{switch.started_by}: {switch.why}",
        detail=f"{switch.name}; revision {revision} of the fleet file is in force: {reason}",
    )
