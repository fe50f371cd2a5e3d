"""HTTP/1.1 on one asyncio connection: requests in, answers out; only what Redfish clients send."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

_BODY_LIMIT = 64 << 20
_HEADER_LIMIT = 200
_IDLE = 60.0


class BadRequest(Exception):
    """What came is not HTTP that we speak."""


@dataclass(frozen=True)
class Request:
    """A request. `headers` by lower-case name; `header_lines` as they came."""

    method: str
    path: str
    headers: dict[str, str]
    header_lines: list[str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer with a body of JSON, or of `content_type`."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, or None at its end. Raises `BadRequest`."""
    first = await asyncio.wait_for(reader.readline(), _IDLE)
    if not first:
        return None
    try:
        method, target, _ = first.decode("ascii").split()
    except ValueError as error:
        raise BadRequest("no request line") from error
    headers, lines = {}, []
    while (line := (await asyncio.wait_for(reader.readline(), _IDLE)).decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
        lines.append(line)
        if len(lines) > _HEADER_LIMIT:
            raise BadRequest("too many headers")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await asyncio.wait_for(_read_body(reader, headers), _IDLE)
    return Request(method, unquote(urlsplit(target).path), headers, lines, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
            if len(body) > _BODY_LIMIT:
                raise BadRequest("the body is too large")
        while (await reader.readline()).strip():
            pass
        return body
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY_LIMIT:
        raise BadRequest("no sound length")
    return await reader.readexactly(int(length))


def encode(answer: Answer, *, head: bool = False, last: bool = False) -> bytes:
    """An answer on the wire; for HEAD without its body. The `last` one says that the connection ends with it."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        "OData-Version: 4.0",
        "Cache-Control: no-cache",
    ]
    if answer.body:
        lines.append(f"Content-Type: {answer.content_type}")
    if last:
        lines.append("Connection: close")  # else clients that keep connections try this one again
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if head else answer.body)
