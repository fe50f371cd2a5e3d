"""Trains: the cycles they were asked for, and the facts of their next stop."""

from sqlalchemy import Connection, insert, select, update

from fleet.errors import InvalidInput
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.pool import Pool
from fleet.models.train import VisitState
from fleet.policy.avoidance_bound import avoided_domains
from fleet.policy.avoidance_upkeep import ready_domains
from fleet.policy.joint import invited
from store.audit import write_audit
from store.avoidance_rows import open_avoidances
from store.cycles import read_cycle
from store.emergency_places import emergency_ahead
from store.part import Part
from store.requests import meeting
from store.rollouts import hosts_first
from store.stops import covering
from store.tables.trains import TRAINS, VISITS

VISITS_AVERAGED = 10


class TrainFactsPart(Part):
    """What reads the facts of a train within its own transaction."""

    def _train(self, connection: Connection, cluster: str, pool: str, now: Moment) -> TrainFacts | None:
        promised = self._pool(connection, cluster, pool)
        if promised is None:
            return None
        hosts = self._hosts.read(connection, cluster).values()
        asked, left = _asked(connection, cluster, pool)
        # From its grant to its end, as those that were: draining first.
        whole = promised.drain.deadline + promised.visit_budget
        seconds = _visit_seconds(connection, cluster, pool) or whole.total_seconds()
        held_by, rounds = emergency_ahead(connection, cluster, pool)
        cycle, avoidances = read_cycle(connection, cluster, pool), open_avoidances(connection, cluster, pool)
        look = self._observations.read(connection, cluster) if avoidances else None
        # As in LedgerFacts: every part is a model already.
        return TrainFacts.model_construct(
            cluster=cluster,
            pool=promised,
            now=now,
            hosts=tuple(host for host in hosts if host.pool == pool),
            cycle=cycle,
            stops=covering(connection, cluster, pool),
            open_visits=_open_visits(connection, cluster, pool),
            visit_seconds=seconds,
            cycle_asked=asked and left != 0,
            endless=asked and left is None,
            first=hosts_first(connection, cluster, pool),
            invited=invited(pool, meeting(connection, cluster), now),
            held_by=held_by,
            held_seconds=rounds * seconds,
            avoided=avoided_domains(cycle, avoidances, now),
            ready=ready_domains(cycle, avoidances, look),
        )

    def _pool(self, connection: Connection, cluster: str, pool: str) -> Pool | None:
        record = self._fleet.read(connection)
        promised = None if record is None else record.fleet.cluster(cluster)
        return None if promised is None else promised.pool(pool)


class Trains(TrainFactsPart):
    """Trains."""

    async def train_facts(self, cluster: str, pool: str, now: Moment) -> TrainFacts | None:
        """Facts for the next stop; None when the fleet file has no such pool."""
        return await self._database.read(lambda connection: self._train(connection, cluster, pool, now))

    async def ask_cycles(
        self, cluster: str, pool: str, cycles: int | None, actor: str, reason: str, now: Moment
    ) -> None:
        """Let the train run `cycles` more cycles, counted from now (one under way is the first), or without end (None).

        The number replaces the one asked before, so asking twice is asking once. Audited. Raises InvalidInput for a
        negative number, or a pool that the fleet file in force does not have.
        """
        if cycles is not None and cycles < 0:
            raise InvalidInput("cycles", str(cycles), "expected 0 or more, or none for a train without end")

        def work(connection: Connection) -> None:
            if self._pool(connection, cluster, pool) is None:
                raise InvalidInput("train", f"{cluster}/{pool}", "expected a pool of the fleet file in force")
            this = (TRAINS.c.cluster == cluster) & (TRAINS.c.pool == pool)
            before = connection.execute(select(TRAINS.c.cycles_left).where(this)).one_or_none()
            if before is not None and before.cycles_left == cycles:
                return
            if before is None:
                connection.execute(insert(TRAINS).values(cluster=cluster, pool=pool, cycles_left=cycles))
            else:
                connection.execute(update(TRAINS).where(this).values(cycles_left=cycles))
            detail = "without end" if cycles is None else f"{cycles} cycles"
            subject = f"train {cluster}/{pool}"
            entry = AuditEntry(at=now, actor=actor, action="train start", subject=subject, reason=reason, detail=detail)
            write_audit(connection, entry)

        await self._database.write(work, lock=f"train/{cluster}/{pool}")


def _open_visits(connection: Connection, cluster: str, pool: str) -> tuple[str, ...]:
    statement = select(VISITS.c.id).where(
        VISITS.c.cluster == cluster, VISITS.c.pool == pool, VISITS.c.ended_at.is_(None)
    )
    return tuple(connection.execute(statement.order_by(VISITS.c.opened_at, VISITS.c.id)).scalars())


def _visit_seconds(connection: Connection, cluster: str, pool: str) -> float | None:
    """Mean length of the last visits, from grant to end."""
    statement = select(VISITS.c.granted_at, VISITS.c.ended_at).where(
        VISITS.c.cluster == cluster,
        VISITS.c.pool == pool,
        VISITS.c.state == VisitState.ENDED,
        VISITS.c.granted_at.is_not(None),
        VISITS.c.ended_at.is_not(None),
    )
    rows = connection.execute(statement.order_by(VISITS.c.ended_at.desc()).limit(VISITS_AVERAGED)).all()
    lengths = [(row.ended_at - row.granted_at).total_seconds() for row in rows]
    return sum(lengths) / len(lengths) if lengths else None


def _asked(connection: Connection, cluster: str, pool: str) -> tuple[bool, int | None]:
    """Whether the train was ever asked to run, and the cycles left of that; None is without end."""
    this = (TRAINS.c.cluster == cluster) & (TRAINS.c.pool == pool)
    row = connection.execute(select(TRAINS.c.cycles_left).where(this)).one_or_none()
    return (False, 0) if row is None else (True, row.cycles_left)
