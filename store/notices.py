"""Notices to jobs: by which signal each wants to be told, and who was told of which visit."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from fleet import ids
from fleet.models.base import Moment
from fleet.models.train import DomainProgress, DomainState
from store import upserts
from store.avoidance_rows import kept_away
from store.part import ledger_lock
from store.tables.avoidances import AVOIDANCES
from store.tables.hosts import PAGES
from store.tables.trains import DOMAINS
from store.trains import TrainFactsPart

_SOME = 500
"""Names in one statement; databases bound them."""


class Notices(TrainFactsPart):
    """Notices to jobs."""

    async def names_signals(self, cluster: str) -> bool:
        """True when any request ever named a signal."""
        c = AVOIDANCES.c
        statement = select(c.id).where(c.cluster == cluster, c.signal.is_not(None)).limit(1)
        return await self._database.glance(lambda connection: connection.execute(statement).first() is not None)

    async def job_signals(self, cluster: str, jobs: Collection[str]) -> dict[str, str]:
        """Job: the signal that it wants to be told by, as its last request has it; only those that named one."""
        c, names = AVOIDANCES.c, sorted(jobs)
        named = select(c.job, c.signal).where(c.cluster == cluster, c.signal.is_not(None))
        statements = [
            named.where(c.job.in_(names[start : start + _SOME])).order_by(c.asked_at, c.id)
            for start in range(0, len(names), _SOME)
        ]
        return await self._database.read(
            lambda connection: {r.job: r.signal for statement in statements for r in connection.execute(statement)}
        )

    async def claim_notices(
        self, cluster: str, pool: str, cycle: int, progress: DomainProgress, jobs: Collection[str], now: Moment
    ) -> tuple[str, ...]:
        """Those of the jobs on a domain that have yet to be told of its visit to come: each is claimed once. None where
        the domain is no longer as `progress` shows it, for its visit was put off, say, or where it is yet to be noted
        as told and the train keeps away beyond a notice.
        """
        name = progress.domain.name
        c = DOMAINS.c
        this = (c.cluster == cluster) & (c.pool == pool) & (c.cycle == cycle) & (c.name == name)
        stands, names = select(c.state, c.noticed_at, c.attempts).where(this), select(c.hosts).where(this)
        # A visit that was opened is counted as an attempt, and is the one that its jobs were told of.
        number = progress.attempts - (progress.state is DomainState.VISITING)
        occasion = f"{ids.notices(cluster, pool, cycle, name)}/{number}"

        def work(connection: Connection) -> tuple[str, ...]:
            row = connection.execute(stands).one_or_none()
            if row is None or tuple(row) != (progress.state, progress.noticed_at, progress.attempts):
                return ()
            promised = self._pool(connection, cluster, pool)
            begins = now if promised is None else now + promised.notice
            hosts = connection.execute(names).scalar_one()
            if progress.state is DomainState.DUE and kept_away(connection, cluster, pool, hosts, begins):
                return ()
            rows = {job: {"key": f"{occasion}/{job}", "at": now} for job in jobs}
            return tuple(job for job, claim in rows.items() if upserts.add_missing(connection, PAGES, claim))

        return await self._database.write(work, lock=ledger_lock(cluster)) if jobs else ()
