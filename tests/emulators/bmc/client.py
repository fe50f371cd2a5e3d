"""A plain Redfish client for tests: one request a connection, no retries."""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.bmc.bodies import INVENTORY, MULTIPART, PUSH, ROOT, SIMPLE_UPDATE
from tests.emulators.bmc.starting import Farm

_BOUNDARY = "a-boundary-of-the-lab"


@dataclass(frozen=True)
class Reply:
    """What came back; `body` is None where there was none."""

    status: int
    headers: dict[str, str]
    body: Any


class _Connection(http.client.HTTPSConnection):
    """Closes what a BMC hung up on before TLS began, which `ssl` leaves open."""

    def connect(self) -> None:
        """Connect; `ConnectionResetError` when nobody is there any more."""
        http.client.HTTPConnection.connect(self)
        try:
            self.sock.getpeername()
        except OSError as error:
            self.sock.close()
            raise ConnectionResetError(error.errno, "the BMC hung up") from error
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)


class Client:
    """Requests to one BMC of a farm. Raises `OSError` (of which `ssl.SSLError`) and `ValueError` for broken JSON."""

    def __init__(self, farm: Farm, host: str, *, password: str | None = None, timeout: float = 10) -> None:
        self._farm = farm
        self._host = host
        self._timeout = timeout
        secret = f"{farm.spec.user}:{password or farm.spec.password}".encode()
        self._basic = {"Authorization": "Basic " + base64.b64encode(secret).decode()}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, **fields: Any
    ) -> Reply:
        """One request; `fields` are its JSON body."""
        address = urlsplit(self._farm.address(self._host))
        trust = ssl.create_default_context(cafile=str(self._farm.ca))
        connection = _Connection(str(address.hostname), address.port, timeout=self._timeout, context=trust)
        try:
            sent = json.dumps(fields).encode() if body is None and fields else body
            connection.request(method, path, sent, self._basic if headers is None else headers)
            reply = connection.getresponse()
            content = reply.read()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, found, json.loads(content) if content else None)
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        """A resource below `/redfish/v1`, or of a whole path."""
        return self.ask("GET", path if path.startswith("/redfish") else f"{ROOT}/{path}")

    def update(self, image_uri: str, **fields: Any) -> Reply:
        """SimpleUpdate."""
        return self.ask("POST", SIMPLE_UPDATE, headers={**self._basic, "X-Attempt": "7"}, ImageURI=image_uri, **fields)

    def push(self, image: bytes) -> Reply:
        """An update by HttpPushUri."""
        return self.ask("POST", PUSH, body=image, headers={**self._basic, "Content-Type": "application/octet-stream"})

    def push_multipart(self, image: bytes, **parameters: Any) -> Reply:
        """An update by MultipartHttpPushUri."""
        parts = (
            ('name="UpdateParameters"', "application/json", json.dumps(parameters).encode()),
            ('name="UpdateFile"; filename="image.fw"', "application/octet-stream", image),
        )
        body = b"".join(
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, kind, content in parts
        )
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        whole = body + f"--{_BOUNDARY}--\r\n".encode()
        return self.ask("POST", MULTIPART, body=whole, headers={**self._basic, "Content-Type": kind})

    def reset(self, kind: str, *, manager: bool = False) -> Reply:
        """A reset of the host, or of the BMC."""
        path = "Managers/1/Actions/Manager.Reset" if manager else "Systems/1/Actions/ComputerSystem.Reset"
        return self.ask("POST", f"{ROOT}/{path}", ResetType=kind)

    def version(self, member: str) -> str:
        """The version that the inventory reports for a member."""
        return str(self.get(f"{INVENTORY}/{member}").body["Version"])

    def task(self, number: int = 1) -> Any:
        """A task of the TaskService."""
        return self.get(f"TaskService/Tasks/{number}").body

    def ended(self, number: int = 1) -> Any:
        """A task once it has ended; the BMC may be away meanwhile."""

        def look() -> Any:
            task = self.task(number)
            return task if task["TaskState"] in ("Completed", "Exception") else None

        return eventually(look)

    def answers(self) -> bool:
        """True when the BMC answers a read."""
        return self.get("UpdateService").status == http.client.OK


def eventually(look: Callable[[], Any], within: float = 10) -> Any:
    """The first true value of `look`, which may fail to connect meanwhile."""
    deadline = time.monotonic() + within
    while True:
        try:
            found = look()
        except OSError as error:
            found, why = None, repr(error)
        else:
            why = repr(found)
        if found:
            return found
        assert time.monotonic() < deadline, why
        time.sleep(0.03)
