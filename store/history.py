"""What was boarded on hosts, how each step went, and how it ended."""

from sqlalchemy import Connection, bindparam, select

from fleet import ids
from fleet.models.intent import IntentEnd
from fleet.models.work import HostOutcome, HostWork, StepRecord
from store import documents, upserts
from store.intents import close_intent
from store.part import Part
from store.prefixes import begins_with
from store.tables.hosts import OUTCOMES, STEPS, WORKS
from store.tables.ledger import LEASE_HOSTS

_STEPS_OF = select(STEPS).where(STEPS.c.operation == bindparam("operation_")).order_by(STEPS.c.started, STEPS.c.id)


def write_outcome(connection: Connection, outcome: HostOutcome) -> None:
    """Add an outcome; the first one of an operation counts."""
    row = outcome.model_dump(include={"operation", "cluster", "host", "visit", "at"})
    upserts.add_missing(connection, OUTCOMES, {**row, "document": documents.dump(outcome)})


def number_of_next_repair(connection: Connection, cluster: str, host: str) -> int:
    """One more than any of the host's repairs that boarded, is under way, or ended."""
    prefix = ids.repair_operation(cluster, host, 0).removesuffix("0")
    last = 0
    for table in (LEASE_HOSTS, WORKS, OUTCOMES):
        statement = select(table.c.operation).where(table.c.cluster == cluster, table.c.host == host)
        for operation in connection.execute(statement).scalars():
            number = operation.removeprefix(prefix)
            if number != operation and number.isdecimal():
                last = max(last, int(number))
    return last + 1


class History(Part):
    """Work, steps and outcomes."""

    async def save_work(self, work: HostWork) -> None:
        """Keep what was boarded on a host, by operation; the last one counts."""

        def save(connection: Connection) -> None:
            row = {"operation": work.operation, "cluster": work.cluster, "host": work.host}
            upserts.put(connection, WORKS, {**row, "document": documents.dump(work)}, key=("operation",))

        await self._database.write(save)

    async def work(self, operation: str) -> HostWork | None:
        """What was boarded."""

        def read(connection: Connection) -> HostWork | None:
            statement = select(WORKS.c.document).where(WORKS.c.operation == operation)
            text = connection.execute(statement).scalar_one_or_none()
            return None if text is None else documents.load(HostWork, text, "works", operation)

        return await self._database.glance(read)

    async def record_step(self, record: StepRecord, end: IntentEnd | None = None) -> None:
        """Evidence; idempotent by operation and step (the last one counts). With `end` the step's intent is closed in
        the same transaction, and neither is written when its token is no longer in force: `StaleAttempt`.
        """

        def work(connection: Connection) -> None:
            if end is not None:
                close_intent(connection, record.operation, record.step, end)
            row = {"operation": record.operation, "step": record.step, "started": record.started}
            upserts.put(connection, STEPS, {**row, "document": documents.dump(record)}, key=("operation", "step"))

        await self._database.write(work)

    async def steps(self, operation: str) -> tuple[StepRecord, ...]:
        """Evidence of an operation, oldest first."""

        def work(connection: Connection) -> tuple[StepRecord, ...]:
            rows = connection.execute(_STEPS_OF, {"operation_": operation})
            return tuple(documents.load(StepRecord, r.document, "steps", f"{operation} {r.step}") for r in rows)

        return await self._database.glance(work)

    async def tried(self, operation: str) -> tuple[StepRecord, ...]:
        """Evidence of a repair and all of its tries, oldest first."""

        def work(connection: Connection) -> tuple[StepRecord, ...]:
            of_tries = begins_with(connection, STEPS.c.operation, f"{operation}.")
            statement = select(STEPS).where((STEPS.c.operation == operation) | of_tries)
            rows = connection.execute(statement.order_by(STEPS.c.started, STEPS.c.id))
            return tuple(documents.load(StepRecord, r.document, "steps", f"{r.operation} {r.step}") for r in rows)

        return await self._database.read(work)

    async def record_outcome(self, outcome: HostOutcome) -> None:
        """History; idempotent by operation (the first one counts)."""
        await self._database.write(lambda connection: write_outcome(connection, outcome))

    async def outcomes(
        self, cluster: str, *, visit: str | None = None, host: str | None = None, limit: int = 1000
    ) -> tuple[HostOutcome, ...]:
        """History, newest first; all of it of a visit."""
        statement = select(OUTCOMES).order_by(OUTCOMES.c.at.desc(), OUTCOMES.c.id.desc())
        if visit is None:
            statement = statement.where(OUTCOMES.c.cluster == cluster).limit(limit)
        else:
            # Its cluster is looked at below: asked for both, SQLite reads all that ever ended in the cluster.
            statement = statement.where(OUTCOMES.c.visit == visit)
        if host is not None:
            statement = statement.where(OUTCOMES.c.host == host)

        def work(connection: Connection) -> tuple[HostOutcome, ...]:
            rows = [row for row in connection.execute(statement) if row.cluster == cluster]
            return tuple(documents.load(HostOutcome, row.document, "outcomes", row.operation) for row in rows)

        return await self._database.read(work)

    async def next_repair(self, cluster: str, host: str) -> int:
        """Number of the host's next repair, from 1: one more than any that boarded, is under way, or ended."""
        return await self._database.read(lambda connection: number_of_next_repair(connection, cluster, host))
