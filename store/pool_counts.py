"""What reports are made from: pools' counts and hosts' times out, noted at each look, and jobs that we interrupted."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from fleet.models.base import Moment
from fleet.models.observation import SetCounts
from fleet.models.report import Interruption, Out, PoolSpan
from store import documents, upserts
from store.part import Part
from store.tables.reports import HOST_OUTS, INTERRUPTIONS, POOL_COUNTS

TOUCH = timedelta(seconds=60)
"""A span that goes on is written so often: what a dispatcher that dies leaves untold."""
_ROWS_AT_ONCE = 500


class PoolCounts(Part):
    """Counts over time."""

    async def record_counts(
        self, cluster: str, now: Moment, pools: Mapping[str, PoolSpan], outs: Mapping[str, Out], gap: timedelta
    ) -> None:
        """Note a look: a span that still holds goes on, else a new one begins. Looks that are further apart than `gap`
        leave a time that was not observed. `outs`: hosts that are out, by name.
        """

        def work(connection: Connection) -> None:
            for pool, span in pools.items():
                _note(connection, cluster, pool, span, now, gap)
            _note_outs(connection, cluster, outs, now)

        await self._database.write(work, lock=f"counts/{cluster}")

    async def record_interruptions(self, found: Iterable[Interruption]) -> None:
        """Runs of jobs that we ended; each is noted once."""
        rows = list(found)

        def work(connection: Connection) -> None:
            for each in rows:
                upserts.add_missing(connection, INTERRUPTIONS, each.model_dump())

        await self._database.write(work)

    async def tidy_counts(
        self,
        cluster: str,
        older: tuple[Moment, Moment],
        thin: Callable[[Iterable[PoolSpan]], tuple[PoolSpan, ...]],
        forget: Moment,
    ) -> None:
        """Thin the spans that ended within `older`, and forget all that ended before `forget`."""
        begin, end = older

        def work(connection: Connection) -> None:
            this = (POOL_COUNTS.c.cluster == cluster) & (POOL_COUNTS.c.until >= begin) & (POOL_COUNTS.c.until < end)
            found: dict[str, list[PoolSpan]] = {}
            for row in connection.execute(select(POOL_COUNTS).where(this).order_by(POOL_COUNTS.c.since)):
                found.setdefault(row.pool, []).append(read_span(row))
            for pool, spans in found.items():
                fewer = thin(spans)
                if len(fewer) < len(spans):
                    connection.execute(delete(POOL_COUNTS).where(this, POOL_COUNTS.c.pool == pool))
                    rows = [_row(cluster, pool, span) for span in fewer]
                    for start in range(0, len(rows), _ROWS_AT_ONCE):
                        connection.execute(insert(POOL_COUNTS), rows[start : start + _ROWS_AT_ONCE])
            for table in (POOL_COUNTS, HOST_OUTS):
                connection.execute(delete(table).where(table.c.cluster == cluster, table.c.until < forget))
            old = (INTERRUPTIONS.c.cluster == cluster) & (INTERRUPTIONS.c.at < forget)
            connection.execute(delete(INTERRUPTIONS).where(old))

        await self._database.write(work, lock=f"counts/{cluster}")


def read_span(row: "Row[Any]") -> PoolSpan:
    """A row as the span it is."""
    counts = SetCounts(up=row.up, planned=row.planned, failed=row.failed, foreign=row.foreign, unknown=row.unknown)
    causes = documents.load_notes(row.causes, "pool_counts", f"{row.cluster}/{row.pool} {row.since}")
    return PoolSpan(
        since=row.since,
        until=row.until,
        counts=counts,
        planned_buffer=row.planned_buffer,
        failure_buffer=row.failure_buffer,
        floor=row.floor,
        overridden=row.overridden,
        seen=row.seen,
        causes={cause: int(count) for cause, count in causes.items()},
    )


def _row(cluster: str, pool: str, span: PoolSpan) -> dict[str, Any]:
    told = span.model_dump(exclude={"counts", "causes"})
    causes = documents.dump_notes({cause: str(count) for cause, count in sorted(span.causes.items())})
    return {"cluster": cluster, "pool": pool, **told, **span.counts.model_dump(), "causes": causes}


def _note(connection: Connection, cluster: str, pool: str, span: PoolSpan, now: Moment, gap: timedelta) -> None:
    this = (POOL_COUNTS.c.cluster == cluster) & (POOL_COUNTS.c.pool == pool)
    newest = select(POOL_COUNTS).where(this).order_by(POOL_COUNTS.c.since.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    if last is not None and last.since >= now:
        return  # another look has told of this moment
    begins = span.model_copy(update={"since": now, "until": now})
    if last is None:
        connection.execute(insert(POOL_COUNTS).values(**_row(cluster, pool, begins)))
        return
    unbroken = now - last.until <= gap
    goes_on = unbroken and read_span(last).model_copy(update={"since": now, "until": now}) == begins
    if unbroken and (not goes_on or now - last.until >= TOUCH):
        connection.execute(update(POOL_COUNTS).where(this, POOL_COUNTS.c.since == last.since).values(until=now))
    if not goes_on:
        connection.execute(insert(POOL_COUNTS).values(**_row(cluster, pool, begins)))


def _note_outs(connection: Connection, cluster: str, outs: Mapping[str, Out], now: Moment) -> None:
    """End what no longer holds, begin what is new: a whole cluster may go out at once, so both are done in bulk."""
    still = select(HOST_OUTS).where(HOST_OUTS.c.cluster == cluster, HOST_OUTS.c.until.is_(None))
    left, ended = dict(outs), []
    for row in connection.execute(still):
        out = outs.get(row.host)
        if out is not None and (out.pool, out.cause) == (row.pool, row.cause):
            del left[row.host]
            continue
        until = now if out is None or out.since is None else min(now, out.since)
        ended.append({"host_": row.host, "since_": row.since, "until_": max(until, row.since)})
    if ended:
        this = (HOST_OUTS.c.host == bindparam("host_")) & (HOST_OUTS.c.since == bindparam("since_"))
        statement = update(HOST_OUTS).where(HOST_OUTS.c.cluster == cluster, this).values(until=bindparam("until_"))
        connection.execute(statement, ended)
    begun = {host: now if out.since is None else min(now, out.since) for host, out in left.items()}
    if not begun:
        return
    # A lease that was seen before, and its host in between as something else: from now on it is out anew.
    lately = (HOST_OUTS.c.cluster == cluster) & (HOST_OUTS.c.until >= min(begun.values()))
    told = {(r.host, r.since) for r in connection.execute(select(HOST_OUTS.c.host, HOST_OUTS.c.since).where(lately))}
    rows = [
        {
            "cluster": cluster,
            "host": host,
            "since": now if (host, since) in told else since,
            "pool": left[host].pool,
            "cause": left[host].cause,
        }
        for host, since in begun.items()
    ]
    connection.execute(upserts.insert(connection.dialect.name, HOST_OUTS).on_conflict_do_nothing(), rows)
