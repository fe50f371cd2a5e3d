"""How hosts fared with the upgrades that boarded on them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from fleet.models.base import Moment
from fleet.models.rollouts import Trial
from store import documents, upserts
from store.part import Part
from store.tables.rollouts import COHORTS, TRIALS

_IN_ORDER = "trials"


class Trials(Part):
    """Trials."""

    async def record_trials(self, trials: tuple[Trial, ...]) -> None:
        """Add trials; the first one of an operation counts. Cohort hosts among them are tried from then on."""

        def work(connection: Connection) -> None:
            for trial in trials:
                if not upserts.add_missing(connection, TRIALS, _row(trial)):
                    continue
                this = (COHORTS.c.cluster == trial.cluster) & (COHORTS.c.host == trial.host)
                its = this & COHORTS.c.rollout.in_(trial.rollouts) & COHORTS.c.tried_at.is_(None)
                connection.execute(update(COHORTS).where(its).values(tried_at=trial.at))

        if trials:
            # One after the other: who reads on from a row must find all before it.
            await self._database.write(work, lock=_IN_ORDER)

    async def trials(
        self, clusters: Iterable[str], since: Moment, hosts: Iterable[str] | None = None
    ) -> tuple[Trial, ...]:
        """Trials on hosts of these clusters since a moment, oldest first; of all hosts, or of those of these names."""
        these = TRIALS.c.cluster.in_(list(clusters)) & (TRIALS.c.at >= since)
        if hosts is not None:
            these &= TRIALS.c.host.in_(list(hosts))
        statement = select(TRIALS).where(these).order_by(TRIALS.c.at, TRIALS.c.id)

        def work(connection: Connection) -> tuple[Trial, ...]:
            return tuple(_trial(row) for row in connection.execute(statement))

        return await self._database.read(work)

    async def more_trials(
        self, clusters: Iterable[str], since: Moment, after: int = 0
    ) -> tuple[tuple[Trial, ...], int]:
        """Those written after a row, in the order of writing, and the last row that was read."""
        these = TRIALS.c.cluster.in_(list(clusters)) & (TRIALS.c.at >= since) & (TRIALS.c.id > after)
        statement = select(TRIALS).where(these).order_by(TRIALS.c.id)

        def work(connection: Connection) -> tuple[tuple[Trial, ...], int]:
            rows = connection.execute(statement).all()
            return tuple(_trial(row) for row in rows), rows[-1].id if rows else after

        return await self._database.read(work)

    async def failures_by_host(self, cluster: str, since: Moment) -> dict[str, int]:
        """Failed trials since a moment, of each host that has any."""
        these = (TRIALS.c.cluster == cluster) & (TRIALS.c.at >= since) & TRIALS.c.failed.is_(True)
        statement = select(TRIALS.c.host, func.count()).where(these).group_by(TRIALS.c.host)

        def work(connection: Connection) -> dict[str, int]:
            return {row[0]: row[1] for row in connection.execute(statement)}

        return await self._database.read(work)


def _row(trial: Trial) -> dict[str, Any]:
    versions, rollouts = documents.dump_notes(trial.versions), documents.dump_names(trial.rollouts)
    return {**trial.model_dump(), "versions": versions, "rollouts": rollouts}


def _trial(row: "Row[Any]") -> Trial:
    # Every part is read as what it is: a rollout reads tens of thousands of them.
    return Trial.model_construct(
        cluster=row.cluster,
        host=row.host,
        model=row.model,
        operation=row.operation,
        at=row.at,
        versions=documents.load_notes(row.versions, "trials", row.operation),
        rollouts=documents.load_names(row.rollouts, "trials", row.operation),
        failed=row.failed,
        inconclusive=row.inconclusive,
        category=row.category,
        in_production=row.in_production,
        detail=row.detail,
    )
