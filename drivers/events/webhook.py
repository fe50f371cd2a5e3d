"""Events posted as JSON to a URL: one connection that is kept, no redirection followed, no answer's body read."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import httpx

from drivers.clock import wall
from drivers.events.signing import key_of, signed
from drivers.handshake import Handshake
from drivers.secrets import read_secret
from fleet.errors import InvalidInput, Refused, Unreachable
from fleet.models.event import Event
from fleet.models.event_sink import EventSink, Webhook

# Their logs would tell the URL, which may hold a secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_TAKEN = range(200, 300)
_NEVER = (400, 406, 411, 413, 414, 415, 422)
"""Answers that say that this very event is at fault, and that another try would bring the same."""


class WebhookSender:
    """A `fleet.ports.events.EventSender`. URL and key are read anew for each event, so that they may be changed."""

    def __init__(self, sink: EventSink, hook: Webhook, folder: Path, clock: Callable[[], float] = wall) -> None:
        self._hook, self._folder, self._clock = hook, folder, clock
        self._name, self._timeout = sink.name, sink.timeout.total_seconds()
        self._client: httpx.AsyncClient | None = None

    async def send(self, event: Event) -> None:
        """Return once the receiver has answered 2xx in its time. Raises as the port says; no message has the URL."""
        url, body = self._url(), event.model_dump_json().encode()
        headers = self._headers(event, body)
        client = self._opened()
        try:
            async with asyncio.timeout(self._timeout):
                request = client.build_request(
                    "POST", url, content=body, headers=headers, extensions={"trace": Handshake().watch}
                )
                answer = await client.send(request, stream=True)
                await answer.aclose()
        except TimeoutError as error:
            raise Unreachable(f"sink {self._name}: no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last two: of a host that can be none
            self._failed(error)
        if answer.status_code in _TAKEN:
            return
        told = f"sink {self._name}: HTTP {answer.status_code}"
        raise Refused(told) if answer.status_code in _NEVER else Unreachable(told)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _url(self) -> str:
        if self._hook.url is not None:
            return self._hook.url
        assert self._hook.url_from is not None, "the model has one of the two"
        place = self._hook.url_from.place
        try:
            return self._hook.checked(read_secret(self._hook.url_from, self._folder).get_secret_value())
        except ValueError as error:
            raise InvalidInput("secret", place, str(error)) from error

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        seconds = int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "maintrain",
            "webhook-id": event.id,
            "webhook-timestamp": str(seconds),
        }
        if self._hook.secret is not None:
            secret = read_secret(self._hook.secret, self._folder).get_secret_value()
            headers["webhook-signature"] = signed(key_of(secret, self._hook.secret.place), event.id, seconds, body)
        return headers

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._trust(),
                timeout=httpx.Timeout(self._timeout),
                limits=httpx.Limits(max_connections=1),
                follow_redirects=False,  # a signed event goes where the fleet file says, and nowhere else
                trust_env=False,
            )
        return self._client

    def _trust(self) -> ssl.SSLContext | bool:
        if self._hook.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self._folder / self._hook.ca_file))
        except OSError as error:
            expected = f"expected certificates in PEM: {error.strerror or type(error).__name__}"
            raise InvalidInput(f"sink {self._name}", "webhook.ca_file", expected) from error

    def _failed(self, error: Exception) -> NoReturn:
        """A certificate that is not trusted is told apart; nothing of an error's words is, which may have the URL."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                told = f"its certificate is not trusted: {cause.verify_message}"
                raise Unreachable(f"sink {self._name}: {told}") from None
            cause = cause.__cause__ or cause.__context__
        raise Unreachable(f"sink {self._name}: {type(error).__name__}") from None
