"""Handovers between us and outsiders: asked, acknowledged, ended; a host's lease changes in the same transaction."""

from sqlalchemy import Connection, select, update

from fleet import ids
from fleet.errors import Refused
from fleet.models.base import Moment
from fleet.models.handover import Handover, HandoverDeed, HandoverState, HandoverStep, HandoverWay
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Counted
from fleet.models.messages import Command
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.work import HostOutcome, Outcome
from fleet.policy.handover import given_back, names
from fleet.policy.sets import standing
from fleet.ports.store.repair_book import NextStep
from store import handover_rows as rows
from store.audit import MAINTRAIN
from store.history import number_of_next_repair
from store.leases import lease_on, release_lease
from store.ledger_facts import Facts
from store.members import mark_given
from store.noticing import open_repair
from store.part import ledger_lock
from store.tables.handovers import HANDOVERS
from store.tables.ledger import LEASE_HOSTS


class Handovers(Facts):
    """Handovers."""

    async def ask_handover(self, asked: Handover) -> Handover:
        """File a handover of a host that our repair holds. Audited.

        Raises `Refused` when the repair does not hold the host, or another handover of it is under way.
        """

        def work(connection: Connection) -> Handover:
            lease = lease_on(connection, asked.cluster, asked.host)
            if lease is None or lease.operation != asked.operation or lease.counted is not Counted.FAILED:
                raise Refused(f"{asked.cluster}/{asked.host} is not in repair")
            filed = rows.file(connection, asked)
            if filed.way is HandoverWay.GIVE:
                _say_why(
                    connection, filed, f"to be given to {filed.outsider} until {filed.deadline:%F %T}Z: {filed.reason}"
                )
            return filed

        return await self._database.write(work, lock=ledger_lock(asked.cluster))

    async def take_over(self, asked: Handover, now: Moment) -> Handover:
        """File a handover to us and open its repair, all at once: the host counts as failed from then on. Audited.

        Raises `Refused` when the host is leased, or the last look does not show it under the outsider's drain.
        """

        def work(connection: Connection) -> Handover:
            self._check_theirs(connection, asked, now)
            number = number_of_next_repair(connection, asked.cluster, asked.host)
            repair = OpenedRepair(
                operation=ids.repair_operation(asked.cluster, asked.host, number),
                cluster=asked.cluster,
                pool=asked.pool,
                host=asked.host,
                cause=OpeningCause.TAKEN_OVER,
                hold=asked.theirs,
                found=asked.theirs,
                reason=f"taken over from {asked.outsider} by {asked.actor}: {asked.reason}",
                actor=asked.actor,
                at=now,
                lost_at=now,
            )
            open_repair(connection, repair)
            return rows.file(connection, asked.model_copy(update={"operation": repair.operation}))

        return await self._database.write(work, lock=ledger_lock(asked.cluster))

    def _check_theirs(self, connection: Connection, asked: Handover, now: Moment) -> None:
        name, facts = f"{asked.cluster}/{asked.host}", self._ledger_facts(connection, asked.cluster, now, queue=False)
        host, look, lease = facts.hosts.get(asked.host), facts.observation, facts.leases.get(asked.host)
        if host is None or host.decommissioned:
            raise Refused(f"{name} is no member of any pool")
        if lease is not None:
            raise Refused(f"{name} is held by {lease.holder}")
        seen = look.hosts.get(asked.host) if look is not None and not look.error else None
        where = standing(host, seen, look.began_at if look else None, None, facts.failed_reasons)
        reason = seen.node.reason if seen is not None and seen.node is not None else None
        other = where.set not in (HostSet.FOREIGN, HostSet.FAILED)  # a host may be down under their drain
        if other or reason != asked.theirs or not names(asked.theirs, asked.outsider):
            raise Refused(f"{name} is not in the hands of {asked.outsider}: {where.set}, {where.reason}")

    async def take_back(self, cluster: str, now: Moment) -> tuple[str, ...]:
        """Open the repairs of hosts that were given away and that nobody holds any more, by name: they are verified
        before jobs find them as before. Audited.
        """

        def work(connection: Connection) -> tuple[str, ...]:
            facts = self._ledger_facts(connection, cluster, now, queue=False)
            found = given_back(facts)
            for name in found:
                open_repair(connection, _given_back(connection, facts.hosts[name], now))
            return found

        return await self._database.write(work, lock=ledger_lock(cluster))

    async def handover(self, cluster: str, host: str) -> Handover | None:
        """The handover of a host that is under way, or else the last one."""
        these = (HANDOVERS.c.cluster == cluster) & (HANDOVERS.c.host == host)
        statement = select(HANDOVERS).where(these).order_by(rows.UNDER_WAY.desc(), HANDOVERS.c.asked_at.desc()).limit(1)

        def work(connection: Connection) -> Handover | None:
            row = connection.execute(statement).one_or_none()
            return None if row is None else rows.read(row)

        return await self._database.glance(work)

    async def handovers(self, cluster: str) -> tuple[Handover, ...]:
        """Handovers under way, oldest first."""
        statement = select(HANDOVERS).where((HANDOVERS.c.cluster == cluster) & rows.UNDER_WAY)
        statement = statement.order_by(HANDOVERS.c.asked_at, HANDOVERS.c.id)
        return await self._database.read(lambda connection: tuple(map(rows.read, connection.execute(statement))))

    async def acknowledge_handover(self, id_: str, by: str, said: Command, now: Moment) -> Handover:
        """Whoever gets the host has it; again changes nothing. `Refused` when it is over, or when the host has left the
        repair that gives it away: jobs may run on it. Audited.
        """

        def work(connection: Connection) -> Handover:
            known = rows.one(connection, id_)
            if known.state.over:
                raise Refused(f"the handover of {known.cluster}/{known.host} is {known.state}: {known.ended_because}")
            if known.state is HandoverState.ACKNOWLEDGED:
                return known
            lease = lease_on(connection, known.cluster, known.host)
            if lease is None or lease.operation != known.operation:
                raise Refused(f"{known.cluster}/{known.host} is not in repair any more: {known.operation} has ended")
            taken = {"state": HandoverState.ACKNOWLEDGED, "acknowledged_at": now, "acknowledged_by": by}
            rows.write(connection, changed := known.model_copy(update=taken))
            rows.audit(connection, changed, now, said.actor, f"handover taken by {by}", said.reason)
            return changed

        return await self._database.write(work, lock=_lock_of(id_))

    async def withdraw_handover(self, id_: str, said: Command, now: Moment) -> bool:
        """End one that nobody has acknowledged. True when it was ended. Audited."""

        def work(connection: Connection) -> bool:
            known = rows.one(connection, id_)
            if known.state is not HandoverState.ASKED:
                return False
            rows.end(connection, known, HandoverState.WITHDRAWN, f"{said.actor}: {said.reason}", now, said.actor)
            _say_why(connection, known, f"not given to {known.outsider}, kept by {said.actor}: {said.reason}")
            return True

        return await self._database.write(work, lock=_lock_of(id_))

    async def end_handover(self, id_: str, now: Moment, decide: NextStep) -> HandoverStep:
        """Let a policy look at one that is under way, and end it in the same transaction if it says so: of a host that
        is given the lease ends, and the set it counts in changes from failed to foreign. What it decided. Audited.
        """

        def work(connection: Connection) -> HandoverStep:
            known = rows.one(connection, id_)
            if known.state.over:
                deed = HandoverDeed.END if known.state is HandoverState.DONE else HandoverDeed.WITHDRAW
                return HandoverStep(deed=deed, reason=known.ended_because)
            cluster = self._promised(connection, known.cluster)
            look = self._observations.read(connection, known.cluster)
            lease = lease_on(connection, known.cluster, known.host)
            step = decide(known, lease, look, cluster.failed_reasons, now)
            if step.deed is HandoverDeed.END:
                if known.way is HandoverWay.GIVE:
                    _give_away(connection, known, step, now)
                rows.end(connection, known, HandoverState.DONE, step.reason, now)
            elif step.deed is HandoverDeed.WITHDRAW:
                rows.end(connection, known, HandoverState.WITHDRAWN, step.reason, now)
            return step

        return await self._database.write(work, lock=_lock_of(id_))


def _say_why(connection: Connection, known: Handover, why: str) -> None:
    """What the ledger says of a host while the repair of the handover holds it."""
    held = (LEASE_HOSTS.c.cluster == known.cluster) & (LEASE_HOSTS.c.host == known.host)
    its = held & (LEASE_HOSTS.c.operation == known.operation)
    connection.execute(update(LEASE_HOSTS).where(its).values(why=why))


def _given_back(connection: Connection, host: Host, now: Moment) -> OpenedRepair:
    number = number_of_next_repair(connection, host.cluster, host.name)
    return OpenedRepair(
        operation=ids.repair_operation(host.cluster, host.name, number),
        cluster=host.cluster,
        pool=host.pool,
        host=host.name,
        cause=OpeningCause.TAKEN_OVER,
        reason=f"it was given away ({host.given}), and came back with nobody holding it",
        actor=MAINTRAIN,
        at=now,
        lost_at=now,
    )


def _give_away(connection: Connection, known: Handover, step: HandoverStep, now: Moment) -> None:
    outcome = HostOutcome(
        cluster=known.cluster,
        pool=known.pool,
        host=known.host,
        operation=known.operation,
        outcome=Outcome.GIVEN_AWAY,
        reason=f"given to {known.outsider}: {known.reason}",
        at=now,
    )
    release_lease(connection, known.cluster, known.host, known.operation, outcome, now)
    mark_given(connection, known.cluster, known.host, step.found or "")


def _lock_of(id_: str) -> str:
    return ledger_lock(ids.cluster_of_handover(id_))
