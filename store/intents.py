"""Intents: written before a side effect by compare-and-set, so that one attempt acts and a later one can tell."""

from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, select, update

from fleet.errors import StaleAttempt
from fleet.models.base import Moment
from fleet.models.event import Event
from fleet.models.intent import Before, Intent, IntentEnd, IntentState
from store import documents, upserts
from store.events import write_event
from store.part import Part, ledger_lock
from store.prefixes import begins_with
from store.tables.hosts import INTENTS

_THIS = (INTENTS.c.operation == bindparam("operation_")) & (INTENTS.c.step == bindparam("step_"))
_HELD = update(INTENTS).where(_THIS, INTENTS.c.token == bindparam("token_"))
_SELECT = select(INTENTS).where(_THIS)
_OF_OPERATION = select(INTENTS).where(INTENTS.c.operation == bindparam("operation_")).order_by(INTENTS.c.id)
_TAKE_OVER = _HELD.values(token=bindparam("new_"), token_at=bindparam("now_"))
_AGAIN = _HELD.values(opened_at=bindparam("now_"))
_SENT = _HELD.values(sent=bindparam("sent_"))
_LOOKED = _HELD.values(looked_at=bindparam("now_"))
_TASK = _HELD.values(task=bindparam("task_"))
_FINISH = _HELD.values(state=bindparam("state_"), result=bindparam("result_"))


def intents_of(connection: Connection, operation: str) -> tuple[Intent, ...]:
    """Intents of an operation in the order they were opened."""
    return tuple(_read(row) for row in connection.execute(_OF_OPERATION, {"operation_": operation}))


def under_way(connection: Connection, operation: str) -> str | None:
    """A step of an operation, or of one of a repair's tries, that was sent and is not over."""
    its = (INTENTS.c.operation == operation) | begins_with(connection, INTENTS.c.operation, f"{operation}.")
    statement = select(INTENTS.c.step).where(its, INTENTS.c.state == IntentState.OPEN, INTENTS.c.sent.is_(True))
    return connection.execute(statement.limit(1)).scalar_one_or_none()


def close_intent(connection: Connection, operation: str, step: str, end: IntentEnd) -> None:
    """Close an intent. Raises `StaleAttempt` when the token is no longer in force."""
    key = {**_key(operation, step), "token_": end.token}
    _write(connection, _FINISH, key, {"state_": end.state.value, "result_": end.result})


class Intents(Part):
    """Intents."""

    async def open_intent(
        self,
        operation: str,
        step: str,
        token: str,
        before: Before,
        now: Moment,
        *,
        told: Event | None = None,
        cluster: str | None = None,
    ) -> Intent:
        """Write an intent if there is none, or anew over a withdrawn one; the one in force either way (compare its
        token with yours). `told` is written with a first one. `cluster`: not while one of its settlings is under way.
        Then the intent was opened before what that grants, or all that it granted can be seen by now.
        """
        intent = Intent(
            operation=operation, step=step, token=token, before=before, sent=False, opened_at=now, token_at=now
        )

        def work(connection: Connection) -> Intent:
            row = {**intent.model_dump(), "before": documents.dump(before)}
            if upserts.add_missing(connection, INTENTS, row):
                if told is not None:
                    write_event(connection, told)
                return intent
            anew = update(INTENTS).where(_THIS, INTENTS.c.state == IntentState.WITHDRAWN).values(**row)
            if connection.execute(anew, _key(operation, step)).rowcount == 1:
                return intent
            return _read(connection.execute(_SELECT, _key(operation, step)).one())

        return await self._database.write(work, lock=ledger_lock(cluster) if cluster is not None else (), durable=True)

    async def intent(self, operation: str, step: str) -> Intent | None:
        """The intent of a step."""

        def work(connection: Connection) -> Intent | None:
            row = connection.execute(_SELECT, _key(operation, step)).one_or_none()
            return None if row is None else _read(row)

        return await self._database.glance(work)

    async def take_over_intent(self, operation: str, step: str, old: str, new: str, now: Moment) -> bool:
        """Compare-and-set the token; False when another attempt was faster. True again for the attempt that has it."""

        def work(connection: Connection) -> bool:
            key = _key(operation, step)
            if connection.execute(_TAKE_OVER, {**key, "token_": old, "new_": new, "now_": now}).rowcount == 1:
                return True
            row = connection.execute(_SELECT, key).one_or_none()
            return row is not None and row.token == new

        return await self._database.write(work)

    async def begin_again(self, operation: str, step: str, token: str, now: Moment) -> None:
        """Count an open intent's time from now: nothing had begun under it. What was sent under it stays noted. Raises
        `StaleAttempt` as `record_task`.
        """
        key = {**_key(operation, step), "token_": token}
        await self._database.write(lambda connection: _write(connection, _AGAIN, key, {"now_": now}))

    async def note_sent(self, operation: str, step: str, token: str, *, sent: bool) -> None:
        """Note that something may be sent under an intent from now on, or that nothing was. Raises `StaleAttempt`."""
        key = {**_key(operation, step), "token_": token}
        await self._database.write(lambda connection: _write(connection, _SENT, key, {"sent_": sent}), durable=sent)

    async def note_look(self, operation: str, step: str, token: str, now: Moment) -> None:
        """Note that the device was read for an open intent. Raises `StaleAttempt` as `record_task`."""
        key = {**_key(operation, step), "token_": token}
        await self._database.write(lambda connection: _write(connection, _LOOKED, key, {"now_": now}))

    async def record_task(self, operation: str, step: str, token: str, task: str) -> None:
        """Name the device task. Raises `StaleAttempt` when the token is no longer in force."""
        key = {**_key(operation, step), "token_": token}
        await self._database.write(lambda connection: _write(connection, _TASK, key, {"task_": task}))

    async def finish_intent(self, operation: str, step: str, token: str, state: IntentState, result: str) -> None:
        """Close an intent. Raises `StaleAttempt` when the token is no longer in force."""
        end = IntentEnd(token=token, state=state, result=result)
        await self._database.write(lambda connection: close_intent(connection, operation, step, end))

    async def intents(self, operation: str) -> tuple[Intent, ...]:
        """Intents of an operation in the order they were opened."""
        return await self._database.glance(lambda connection: intents_of(connection, operation))


def _key(operation: str, step: str) -> dict[str, Any]:
    return {"operation_": operation, "step_": step}


def _write(connection: Connection, statement: Update, key: dict[str, Any], values: dict[str, Any]) -> None:
    operation, step, token = key["operation_"], key["step_"], key["token_"]
    if connection.execute(statement, {**key, **values}).rowcount == 0:
        raise StaleAttempt(f"{operation}, {step}: attempt {token} no longer holds the intent")


def _read(row: "Row[Any]") -> Intent:
    return Intent(
        operation=row.operation,
        step=row.step,
        token=row.token,
        before=documents.load(Before, row.before, "intents", f"{row.operation} {row.step}"),
        state=row.state,
        task=row.task,
        sent=row.sent,
        opened_at=row.opened_at,
        token_at=row.token_at,
        looked_at=row.looked_at,
        result=row.result,
    )
