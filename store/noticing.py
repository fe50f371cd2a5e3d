"""Losses in production and the repairs that they open, in the transaction that they were decided in."""

from sqlalchemy import Connection, delete, select

from fleet import ids
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.breaker import Breaker
from fleet.models.ledger import Counted, LeaseHost, Request, RequestClass, RequestState
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss, Noticed, NoticeFacts, OpenedRepair, Opening, OpeningCause
from fleet.policy.breaker import resumed
from fleet.ports.store.repair_book import Notice
from store import documents, upserts
from store.audit import MAINTRAIN, write_audit
from store.breakers import breakers_in, write_breaker
from store.history import number_of_next_repair
from store.leases import lease_to_repair
from store.ledger_facts import Facts
from store.members import mark_given
from store.part import ledger_lock
from store.requests import file_request
from store.tables.handovers import LOSSES, OPENED_REPAIRS
from store.tables.ledger import LEASE_HOSTS


class Noticing(Facts):
    """What the dispatcher notices."""

    async def notice(self, cluster: str, rule: NoticeRule, now: Moment, decide: Notice) -> Noticed:
        """Read the facts, decide, and commit losses, breakers and the repairs to be opened at once: each is a granted
        request and a lease, counted as failed, on a host that had none in this very transaction. Audited.
        """

        def work(connection: Connection) -> Noticed:
            ledger, known = self._ledger_facts(connection, cluster, now), _losses(connection, cluster)
            opened = _opened_since(connection, cluster, now - rule.window)
            facts = NoticeFacts.model_construct(
                ledger=ledger, rule=rule, losses=known, breakers=ledger.breakers, opened=opened
            )
            noticed = decide(facts)
            losses = dict(noticed.losses)
            for opening in noticed.opens:
                loss = losses[opening.host]
                repair = _of_loss(connection, loss, opening, now)
                open_repair(connection, repair)
                losses[loss.host] = loss.model_copy(update={"operation": repair.operation})
            _keep_losses(connection, cluster, known, losses)
            for pool, state in noticed.breakers.items():
                if state != ledger.breakers.get(pool) and (state.tripped or pool in ledger.breakers):
                    _change(connection, (cluster, pool), ledger.breakers.get(pool), state, now)
            return noticed.model_copy(update={"losses": losses})

        return await self._database.write(work, lock=ledger_lock(cluster))

    async def losses(self, cluster: str) -> tuple[Loss, ...]:
        """Hosts that were lost in production, by name."""
        found = await self._database.read(lambda connection: _losses(connection, cluster))
        return tuple(found[host] for host in sorted(found))

    async def forget_losses(self, cluster: str) -> None:
        """What was seen so far counts for nothing: the cluster notices no losses."""
        statement = delete(LOSSES).where(LOSSES.c.cluster == cluster)
        await self._database.write(lambda connection: connection.execute(statement).close(), lock=ledger_lock(cluster))

    async def opened_repair(self, operation: str) -> OpenedRepair | None:
        """How a repair was opened; None for one to which our own work handed its host."""
        statement = select(OPENED_REPAIRS.c.document).where(OPENED_REPAIRS.c.operation == operation)

        def work(connection: Connection) -> OpenedRepair | None:
            text = connection.execute(statement).scalar_one_or_none()
            return None if text is None else documents.load(OpenedRepair, text, "opened_repairs", operation)

        return await self._database.glance(work)

    async def opened_repairs(self, cluster: str) -> tuple[OpenedRepair, ...]:
        """Those that hold their hosts now, oldest first."""
        held = (LEASE_HOSTS.c.operation == OPENED_REPAIRS.c.operation) & (LEASE_HOSTS.c.cluster == cluster)
        statement = select(OPENED_REPAIRS).join(LEASE_HOSTS, held).order_by(OPENED_REPAIRS.c.at)

        def work(connection: Connection) -> tuple[OpenedRepair, ...]:
            rows = connection.execute(statement.add_columns(OPENED_REPAIRS.c.operation))
            return tuple(documents.load(OpenedRepair, r.document, "opened_repairs", r.operation) for r in rows)

        return await self._database.read(work)

    async def noticed_repairs(self, cluster: str, since: Moment) -> tuple[OpenedRepair, ...]:
        """Repairs of losses in production that were opened after a moment, also those that have ended, oldest first."""
        return await self._database.read(lambda connection: _opened_since(connection, cluster, since))

    async def close_breaker(self, cluster: str, pool: str, actor: str, reason: str, now: Moment) -> bool:
        """A person says that a pool's losses are real. True when its breaker was tripped. Audited."""

        def work(connection: Connection) -> bool:
            before = breakers_in(connection, cluster).get(pool)
            if before is None or not before.tripped:
                return False
            write_breaker(connection, cluster, pool, resumed(actor, reason, now))
            _audit(connection, cluster, pool, now, "resume", reason, actor)
            return True

        return await self._database.write(work, lock=ledger_lock(cluster))


def open_repair(connection: Connection, repair: OpenedRepair) -> None:
    """Lease a host that nobody holds to a repair of its own, by a request that is granted as it is filed. Raises
    `LeaseLost`, which undoes the transaction, when somebody holds it.
    """
    cluster, host, holder = repair.cluster, repair.host, ids.host(repair.cluster, repair.host)
    granted = Request(
        id=repair.operation,
        cluster=cluster,
        kind=RequestClass.REPAIR,
        holder=holder,
        hosts=(host,),
        asked_at=repair.at,
        actor=repair.actor,
        why=repair.reason,
        state=RequestState.GRANTED,
        granted_at=repair.at,
        acknowledged_at=repair.at,
    )
    file_request(connection, granted)
    lease = LeaseHost(
        cluster=cluster,
        host=host,
        request=repair.operation,
        holder=holder,
        operation=repair.operation,
        counted=Counted.FAILED,
        since=repair.at,
        why=repair.reason,
    )
    lease_to_repair(connection, lease)
    mark_given(connection, cluster, host, "")
    row = {"operation": repair.operation, "cluster": cluster, "cause": repair.cause.value, "at": repair.at}
    upserts.add_missing(connection, OPENED_REPAIRS, {**row, "document": documents.dump(repair)})
    entry = AuditEntry(
        at=repair.at,
        actor=repair.actor,
        action="repair opened",
        subject=f"host {cluster}/{host}",
        reason=repair.reason,
        detail=repair.operation,
    )
    write_audit(connection, entry)


def _of_loss(connection: Connection, loss: Loss, opening: Opening, now: Moment) -> OpenedRepair:
    number = number_of_next_repair(connection, loss.cluster, loss.host)
    return OpenedRepair(
        operation=ids.repair_operation(loss.cluster, loss.host, number),
        cluster=loss.cluster,
        pool=loss.pool,
        host=loss.host,
        cause=OpeningCause.NOTICED,
        hold=loss.hold,
        found=opening.found,
        reason=opening.reason,
        actor=MAINTRAIN,
        at=now,
        lost_at=loss.since,
    )


def _losses(connection: Connection, cluster: str) -> dict[str, Loss]:
    rows = connection.execute(select(LOSSES).where(LOSSES.c.cluster == cluster))
    return {row.host: documents.load(Loss, row.document, "losses", f"{cluster}/{row.host}") for row in rows}


def _keep_losses(connection: Connection, cluster: str, known: dict[str, Loss], losses: dict[str, Loss]) -> None:
    for gone in known.keys() - losses.keys():
        connection.execute(delete(LOSSES).where((LOSSES.c.cluster == cluster) & (LOSSES.c.host == gone)))
    changed = [x for host, x in losses.items() if known.get(host) != x]
    rows = [{"cluster": cluster, "host": x.host, "document": documents.dump(x)} for x in changed]
    upserts.put_all(connection, LOSSES, rows, key=("cluster", "host"))


def _opened_since(connection: Connection, cluster: str, since: Moment) -> tuple[OpenedRepair, ...]:
    these = (OPENED_REPAIRS.c.cluster == cluster) & (OPENED_REPAIRS.c.cause == OpeningCause.NOTICED.value)
    statement = select(OPENED_REPAIRS).where(these & (OPENED_REPAIRS.c.at > since)).order_by(OPENED_REPAIRS.c.at)
    rows = connection.execute(statement)
    return tuple(documents.load(OpenedRepair, row.document, "opened_repairs", row.operation) for row in rows)


def _change(
    connection: Connection, where: tuple[str, str], before: Breaker | None, state: Breaker, now: Moment
) -> None:
    cluster, pool = where
    write_breaker(connection, cluster, pool, state)
    if state.tripped != (before is not None and before.tripped):
        action = "breaker tripped" if state.tripped else "breaker closed"
        _audit(connection, cluster, pool, now, action, state.reason, MAINTRAIN)


def _audit(connection: Connection, cluster: str, pool: str, now: Moment, action: str, reason: str, actor: str) -> None:
    subject = f"pool {cluster}/{pool}"
    write_audit(connection, AuditEntry(at=now, actor=actor, action=action, subject=subject, reason=reason))
