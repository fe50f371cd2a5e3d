"""HTTPS to one BMC for the length of one call, in httpx; sushy is not used, after reading its connector (5.14):
it sends a POST again, up to three times, when the connection breaks or the answer is late, which would begin a flash
twice; it keeps resources it has read; and it works in threads, of which a fleet of silent BMCs would eat all.
What changes something goes by a connection of its own, whose fence is asked when it is open (`drivers.redfish.wire`).
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx

from drivers.handshake import Handshake
from drivers.redfish.document import HTTPS, Document, checked_path, parse, split_uri
from drivers.redfish.wire import Wire
from fleet.errors import BadAnswer, DriverError, Refused, Unreachable
from fleet.ports.fence import Fence

# Their logs would tell of every request, at the lowest level with what it carries.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "OData-Version": "4.0"}
_LARGEST = 8 << 20
_SHOWN = 300
_AT_ONCE = 4
_DENIED = (401, 403)
_LATER = (429, 502, 503, 504)
_NOT_NOW = (429, 503)
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 300, 400, 500
_WHOLE_STATUS = range(200, 300)


@dataclass(frozen=True)
class Answer:
    """What a BMC said to a POST that it accepted. `location` is a path on the BMC; `body` None: there was none."""

    status: int
    location: str | None
    body: Document | None


class Bmc:
    """One BMC, reachable. Paths are checked to stay on it. Raises `Unreachable`, `BadAnswer` or `Refused`.

    `fresh` makes a client with a connection of its own. `in_doubt` is True when an effect may have begun and the BMC's
    answer does not tell.
    """

    def __init__(
        self, host: str, client: httpx.AsyncClient, fresh: Callable[[], httpx.AsyncClient], timeout: float
    ) -> None:
        self.host, self.in_doubt = host, False
        self._client, self._fresh, self._timeout = client, fresh, timeout
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def get(self, path: str) -> Document:
        """A resource, as it is now."""
        what = f"{self.host} {path}"
        request = self._client.build_request("GET", path, extensions={"trace": Handshake().watch})
        async with self._slots:
            status, _, body = await _send(self._client, request, what, self._timeout)
        if status in _DENIED:
            raise self._denied(status)
        if status in _LATER:
            raise Unreachable(f"{what}: HTTP {status}")
        if status not in _WHOLE_STATUS:
            raise BadAnswer(f"{what}: HTTP {status}: {_told(body)}")
        document = parse(what, body)
        if document.has("error"):
            raise BadAnswer(f"{what}: an error inside the answer: {_told(body)}")
        return document

    async def collection(self, path: str) -> Document:
        """A collection with all its pages."""
        whole = await self.get(path)
        seen = {path}
        while (following := whole.next_page()) is not None:
            if following in seen:
                raise BadAnswer(f"{whole.what}: its pages go in a circle")
            seen.add(following)
            whole = whole.with_members(await self.get(following))
        return whole

    async def post(
        self, path: str, body: Mapping[str, object], fence: Fence, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one action, once. A lost answer is `Unreachable`: whether it was carried out can't be told here."""
        wire = Wire(self.host, fence)
        async with self._fresh() as client:
            request = client.build_request(
                "POST", path, json=dict(body), headers=dict(headers or {}), extensions={"trace": wire.watch}
            )
            return await self._effect(client, request, wire, path, self._timeout)

    async def push(
        self,
        path: str,
        content: AsyncIterator[bytes],
        tail: bytes,
        headers: Mapping[str, str],
        fence: Fence,
        within: float,
    ) -> Answer:
        """Send a body bit by bit, and its last bytes under a fence of their own: the BMC begins when it has the whole.

        What the content raises ends the request unfinished, and is raised.
        """
        wire = Wire(self.host, fence, last_only=True)
        # A BMC may look at the whole image before it answers, so that only the pieces are hurried.
        pieces = httpx.Timeout(self._timeout, connect=self._timeout / 2, read=within)
        async with self._fresh() as client:
            request = client.build_request(
                "POST",
                path,
                content=_with_tail(content, tail, wire),
                headers=dict(headers),
                timeout=pieces,
                extensions={"trace": wire.watch},
            )
            return await self._effect(client, request, wire, path, within)

    async def _effect(
        self, client: httpx.AsyncClient, request: httpx.Request, wire: Wire, path: str, within: float
    ) -> Answer:
        what = f"{self.host} POST {path}"
        try:
            status, headers, body = await _send(client, request, what, within)
        except BaseException:
            self.in_doubt = wire.sent
            raise
        if status in _DENIED:
            raise self._denied(status)
        if status >= _SERVER_ERROR or status in _LATER:
            self.in_doubt = status not in _NOT_NOW
            raise Unreachable(f"{what}: HTTP {status}: {_told(body)}")
        if status >= _CLIENT_ERROR:
            raise Refused(f"{what}: HTTP {status}: {_told(body)}")
        if status >= _REDIRECT:
            raise BadAnswer(f"{what}: HTTP {status}, a redirection, which is not followed")
        location = headers.get("Location")
        self.in_doubt = True
        answer = Answer(
            status=status,
            location=self.own_path(location, what) if location else None,
            body=parse(what, body) if body.strip() else None,
        )
        self.in_doubt = False
        return answer

    def own_path(self, uri: str, what: str) -> str:
        """The path of a URI that must lead to this BMC; vendors take images outside `/redfish/` too."""
        (host, port, path), own = split_uri(uri, what), self._client.base_url
        if host is not None and (host, port) != (own.host, own.port or HTTPS):
            raise BadAnswer(f"{what}: leads away from the BMC, to {uri[:_SHOWN]!r}")
        return checked_path(path, what, under="/")

    def _denied(self, status: int) -> Refused:
        return Refused(f"{self.host}: its BMC refuses our user and password, or what they may do (HTTP {status})")


@asynccontextmanager
async def connected(
    host: str, address: str, credentials: tuple[str, str], trust: ssl.SSLContext | bool, patience: float
) -> AsyncIterator[Bmc]:
    """A BMC for the length of one call: nothing that it said outlives it. `trust` False: no certificate is
    checked; `patience`: seconds for one request.
    """
    fresh = partial(_client, address, credentials, trust, patience)
    async with fresh(_AT_ONCE) as client:
        yield Bmc(host, client, partial(fresh, 1), patience)


def _client(
    address: str, credentials: tuple[str, str], trust: ssl.SSLContext | bool, patience: float, connections: int
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address,
        auth=httpx.BasicAuth(*credentials),
        headers=_HEADERS,
        verify=trust,
        # Connecting gets half of it, so that an answer tells which of the two took too long.
        timeout=httpx.Timeout(patience, connect=patience / 2),
        limits=httpx.Limits(max_connections=connections),
        follow_redirects=False,
        trust_env=False,  # no proxy and no .netrc comes between us and a BMC
    )


async def _with_tail(content: AsyncIterator[bytes], tail: bytes, wire: Wire) -> AsyncIterator[bytes]:
    async for piece in content:
        yield piece
    await wire.allow_last()
    yield tail


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, what: str, within: float
) -> tuple[int, httpx.Headers, bytes]:
    try:
        async with asyncio.timeout(within):
            response = await client.send(request, stream=True)
            try:
                body = b""
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        raise BadAnswer(f"{what}: an answer of more than {_LARGEST} bytes")
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise Unreachable(f"{what}: no answer within {within:g} s") from error
    except httpx.HTTPError as error:
        raise _failure(what, error) from error
    return response.status_code, response.headers, body


def _failure(what: str, error: Exception) -> DriverError:
    """What a failed exchange means; a certificate that is not trusted is no silence."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BadAnswer(f"{what}: its certificate is not trusted: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"{what}: no answer in time ({type(error).__name__})")
    if isinstance(error, httpx.TransportError):
        return Unreachable(f"{what}: {type(error).__name__}: {str(error)[:_SHOWN]}")
    return BadAnswer(f"{what}: {type(error).__name__}: {str(error)[:_SHOWN]}")


def _told(body: bytes) -> str:
    """What an error answer says: the messages of its extended information, else its beginning."""
    try:
        error = parse("error", body).part("error")
        messages = () if error is None else error.parts("@Message.ExtendedInfo")
        said = "; ".join(m.text_or("Message") or m.text_or("MessageId") for m in messages)
        said = said or ("" if error is None else error.text_or("message"))
    except BadAnswer:
        said = ""
    return (said or body[:_SHOWN].decode(errors="replace").strip() or "without a word")[:_SHOWN]
