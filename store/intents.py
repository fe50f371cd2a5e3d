"""Intents: written before a side effect by compare-and-set, so that one attempt acts and a later one can tell."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from fleet.errors import StaleAttempt
from fleet.models.base import Moment
from fleet.models.intent import Before, Intent, IntentState
from store import documents, upserts
from store.part import Part
from store.tables.hosts import INTENTS


class Intents(Part):
    """Intents."""

    async def open_intent(self, operation: str, step: str, token: str, before: Before, now: Moment) -> Intent:
        """Write an intent if there is none; the one in force either way (compare its token with yours)."""
        intent = Intent(operation=operation, step=step, token=token, before=before, opened_at=now, token_at=now)

        def work(connection: Connection) -> Intent:
            row = {**intent.model_dump(), "before": documents.dump(before)}
            statement = upserts.insert(connection, INTENTS).values(**row).on_conflict_do_nothing()
            if connection.execute(statement.returning(INTENTS.c.id)).first() is not None:
                return intent
            return _read(connection.execute(select(INTENTS).where(_this(operation, step))).one())

        return await self._database.write(work)

    async def intent(self, operation: str, step: str) -> Intent | None:
        """The intent of a step."""

        def work(connection: Connection) -> Intent | None:
            row = connection.execute(select(INTENTS).where(_this(operation, step))).one_or_none()
            return None if row is None else _read(row)

        return await self._database.read(work)

    async def take_over_intent(self, operation: str, step: str, old: str, new: str, now: Moment) -> bool:
        """Compare-and-set the token; False when another attempt was faster. True again for the attempt that has it."""

        def work(connection: Connection) -> bool:
            statement = update(INTENTS).where(_this(operation, step), INTENTS.c.token == old)
            if connection.execute(statement.values(token=new, token_at=now)).rowcount == 1:
                return True
            token = connection.execute(select(INTENTS.c.token).where(_this(operation, step))).scalar_one_or_none()
            return token == new

        return await self._database.write(work)

    async def record_task(self, operation: str, step: str, token: str, task: str) -> None:
        """Name the device task. Raises `StaleAttempt` when the token is no longer in force."""
        await self._database.write(lambda c: _write(c, operation, step, token, {"task": task}))

    async def finish_intent(self, operation: str, step: str, token: str, state: IntentState, result: str) -> None:
        """Close an intent. Raises `StaleAttempt` when the token is no longer in force."""
        await self._database.write(lambda c: _write(c, operation, step, token, {"state": state, "result": result}))

    async def intents(self, operation: str) -> tuple[Intent, ...]:
        """Intents of an operation in the order they were opened."""

        def work(connection: Connection) -> tuple[Intent, ...]:
            statement = select(INTENTS).where(INTENTS.c.operation == operation)
            return tuple(_read(row) for row in connection.execute(statement.order_by(INTENTS.c.id)))

        return await self._database.read(work)


def _this(operation: str, step: str) -> ColumnElement[bool]:
    return (INTENTS.c.operation == operation) & (INTENTS.c.step == step)


def _write(connection: Connection, operation: str, step: str, token: str, values: dict[str, str]) -> None:
    statement = update(INTENTS).where(_this(operation, step), INTENTS.c.token == token).values(**values)
    if connection.execute(statement).rowcount == 0:
        raise StaleAttempt(f"{operation}, {step}: attempt {token} no longer holds the intent")


def _read(row: "Row[Any]") -> Intent:
    return Intent(
        operation=row.operation,
        step=row.step,
        token=row.token,
        before=documents.load(Before, row.before, "intents", f"{row.operation} {row.step}"),
        state=row.state,
        task=row.task,
        opened_at=row.opened_at,
        token_at=row.token_at,
        result=row.result,
    )
