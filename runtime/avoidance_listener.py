"""The worker's address for jobs: `POST /v1/avoidance`, signed with the job's own key. One request a connection, small
and bounded in time; it opens no way to anything but what that job may say of itself.
"""

import asyncio
from dataclasses import replace

import h11
import structlog
from pydantic import TypeAdapter, ValidationError

from activities.avoidance_door import AvoidanceDoor, Wish, job_wish, running_job
from drivers.clock import wall
from fleet import ids
from fleet.avoidance_words import until_of
from fleet.errors import InvalidInput, MaintrainError, Refused, Unreachable
from fleet.models.avoidance import Avoidance, AvoidanceSource
from fleet.models.avoidance_http import JobAnswer, JobRequest
from runtime.avoidance_keys import is_signed, job_key, site_key
from runtime.build import Parts

log = structlog.stdlib.get_logger(__name__)

PATH = b"/v1/avoidance"
LARGEST = 8 * 1024
"""Bytes of a body; headers are bounded by h11."""
PATIENCE = 10.0
"""Seconds for reading a request, and for writing its answer."""
ANSWERED_WITHIN = 20.0
"""Seconds for its answer: the scheduler is read for it, which may take as long while it is busy."""
MOST = 64
"""Connections at once; others are closed."""
AGAIN = 5.0
"""Seconds until the address is tried again, should it be taken."""
_OK, _BAD, _UNSIGNED, _NOT_HERE, _NO, _LARGE, _DOWN = 200, 400, 401, 404, 409, 413, 503
_ANSWERS = TypeAdapter(tuple[JobAnswer, ...])


class _Wrong(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class AvoidanceListener:
    """Serves jobs of the clusters that this worker serves. Raises `InvalidInput` for a secret that can't be had."""

    def __init__(self, parts: Parts, answered_within: float = ANSWERED_WITHIN, again: float = AGAIN) -> None:
        settings, self._answered_within, self._again = parts.settings, answered_within, again
        self._parts, self._door = parts, AvoidanceDoor(parts.store)
        self._secret = site_key(settings.avoid_key or "", settings.data)
        host, _, port = (settings.avoid_listen or "").rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._open = 0
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Without end; an address that is taken is tried again, for another worker of this machine may have it."""
        told = ""
        while True:
            try:
                server = await asyncio.start_server(self._serve, self._host, self._port, limit=LARGEST)
            except OSError as error:
                if told != str(error):
                    log.warning("jobs can't ask here", address=f"{self._host}:{self._port}", error=str(error))
                told = str(error)
                await asyncio.sleep(self._again)
                continue
            async with server:
                self.ready.set()
                await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MOST:
            writer.close()
            return
        self._open += 1
        try:
            await self._exchange(reader, writer)
        except (TimeoutError, OSError, h11.RemoteProtocolError) as error:
            log.info("a job's request broke off", error=str(error) or type(error).__name__)
        except Exception:  # the last resort of a connection: the others go on
            log.exception("a job's request failed")
        finally:
            self._open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, bodiless = h11.Connection(h11.SERVER), False
        try:
            try:
                async with asyncio.timeout(PATIENCE):
                    request = await _head(connection, reader)
                    bodiless = request.method == b"HEAD"
                    asked = await _body(connection, reader)
                status, body = _OK, await self._answer(request, asked)
            except h11.RemoteProtocolError as error:
                raise _Wrong(error.error_status_hint, str(error)) from error
        except _Wrong as wrong:
            status, body = wrong.status, _error(str(wrong))
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
            if not bodiless:
                writer.write(connection.send(h11.Data(data=body)) or b"")
            writer.write(connection.send(h11.EndOfMessage()) or b"")
            async with asyncio.timeout(PATIENCE):
                await writer.drain()

    async def _answer(self, request: h11.Request, body: bytes) -> bytes:
        if (request.method, request.target) != (b"POST", PATH):
            raise _Wrong(_NOT_HERE, f"expected POST {PATH.decode()}")
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        try:
            asked = JobRequest.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise _Wrong(_BAD, f"{place}: {first['msg']}") from None
        key = job_key(self._secret, asked.cluster, asked.job)
        stamp, given = headers.get("maintrain-timestamp", ""), headers.get("maintrain-signature", "")
        if not is_signed(key, stamp, given, body, wall()):
            raise _Wrong(_UNSIGNED, "expected a signature with the key of this job, and a clock that is right")
        try:
            async with asyncio.timeout(self._answered_within):
                return _ANSWERS.dump_json(tuple(_shown(row) for row in await self._act(asked, given)))
        except TimeoutError as error:
            raise _Wrong(_DOWN, f"no answer within {self._answered_within:g} s: repeat the request") from error
        except (InvalidInput, Refused) as error:
            raise _Wrong(_NO, str(error)) from error
        except MaintrainError as error:
            raise _Wrong(_DOWN, str(error)) from error

    async def _act(self, asked: JobRequest, signature: str) -> tuple[Avoidance, ...]:
        opened = self._parts.drivers.get(asked.cluster)
        if opened is None:
            raise _Wrong(_NOT_HERE, f"expected one of the clusters served here: {', '.join(self._parts.drivers)}")
        if asked.verb == "show":
            rows = await self._parts.store.avoidances_of(asked.cluster, asked.job)
            return tuple(row for row in rows if row.ask.job == asked.job)
        job = await running_job(opened.scheduler, asked.job)
        # Who repeats what was posted repeats its signature, and so the request: nobody else can sign another one.
        key = f"{asked.cluster}/{job.id}.{job.restarts}/{asked.request or signature.removeprefix('v1=')}"
        # Operators read it on their terminals.
        why = asked.why if asked.why.isprintable() else ""
        wish = replace(job_wish(asked.cluster, job, key, AvoidanceSource.HTTP), why=why, signal=asked.signal)
        if asked.verb == "avoid":
            rows = await self._door.ask(await self._dated(wish, asked.until))
        elif asked.verb == "ready":
            rows = await self._door.ready(wish)
        else:
            heard = await self._parts.store.first_claim(f"avoid/http/{signature}", await self._parts.store.clock())
            rows = await self._door.withdraw(asked.cluster, job.id, wish.actor, why or "the job says so", heard)
        for pool in sorted({row.ask.pool for row in rows}):
            try:
                await self._parts.engine.wake(ids.train(asked.cluster, pool))
            except Unreachable as error:
                log.warning("a train is not told, and finds it at its next look", pool=pool, error=str(error))
        return rows

    async def _dated(self, wish: Wish, until: str) -> Wish:
        try:
            return replace(wish, until=until_of(until, await self._parts.store.clock()))
        except ValueError as error:
            raise _Wrong(_BAD, f"until: {error}") from error


async def _head(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """What is asked. Raises `_Wrong`, and what h11 raises."""
    match await _next(connection, reader):
        case h11.Request() as request:
            return request
        case _:
            raise _Wrong(_BAD, "expected one request")


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    """Its whole body. Raises `_Wrong` for one that is too large, and what h11 raises."""
    body = b""
    while True:
        match await _next(connection, reader):
            case h11.Data() as part:
                body += bytes(part.data)
                if len(body) > LARGEST:
                    raise _Wrong(_LARGE, f"expected at most {LARGEST} bytes")
            case h11.EndOfMessage():
                return body
            case _:
                raise _Wrong(_BAD, "expected one request")


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (found := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(LARGEST))
    return found


def _shown(row: Avoidance) -> JobAnswer:
    dates = {"until": row.until, "planned": row.planned}
    return JobAnswer(id=row.id, pool=row.ask.pool, state=row.state, reason=row.reason, **dates)


def _error(said: str) -> bytes:
    return TypeAdapter(dict[str, str]).dump_json({"error": said})
