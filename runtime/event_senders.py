"""From a sink of the fleet file to the way to its receiver."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from drivers.events import WebhookSender
from fleet.errors import InvalidInput, NotAllTold
from fleet.models.event import Event
from fleet.models.event_sink import EventSink
from fleet.ports.events import EventSender
from runtime.pager import ApprisePager


class AppriseSender:
    """A `fleet.ports.events.EventSender` over apprise: one short message for each event."""

    def __init__(self, variable: str, environ: Mapping[str, str] | None = None) -> None:
        self._variable, self._environ = variable, os.environ if environ is None else environ
        self._took: tuple[str, Collection[str]] = ("", ())
        """An event, and the addresses that took it while another did not: they are not sent it again."""

    async def send(self, event: Event) -> None:
        """Raises `InvalidInput` for a variable that is not set or that apprise can't read."""
        if not self._environ.get(self._variable, "").strip():
            raise InvalidInput("environment", self._variable, "expected apprise URLs, found it not set")
        but = self._took[1] if self._took[0] == event.id else ()
        try:
            await ApprisePager((self._variable,), self._environ).page(title_of(event), body_of(event), but=but)
        except NotAllTold as error:
            self._took = (event.id, error.took)
            raise

    async def close(self) -> None:
        """Nothing is kept open."""


def open_sender(sink: EventSink, folder: Path) -> EventSender:
    """The way to a sink. Nothing is read or connected to before the first event."""
    if sink.webhook is not None:
        return WebhookSender(sink, sink.webhook, folder)
    assert sink.apprise is not None, "the model has one of the two"
    return AppriseSender(sink.apprise)


def title_of(event: Event) -> str:
    """An event in a few words."""
    where = f"{event.cluster}/{event.pool}" if event.pool else event.cluster
    whom = ""
    if len(event.hosts) == 1:
        whom = f" {event.hosts[0]}"
    elif event.hosts:
        whom = f" {len(event.hosts)} hosts"
    return f"{where}: {event.kind.replace('_', ' ')}{whom}"


def body_of(event: Event) -> str:
    """Why, since when, and of what it came."""
    lines = [event.reason, *(f"{name}: {value}" for name, value in event.data.items())]
    if len(event.hosts) > 1:
        lines.append(", ".join(event.hosts[:20]) + (" …" if len(event.hosts) > 20 else ""))  # noqa: PLR2004
    lines.append(f"{event.subject}, {event.at:%Y-%m-%d %H:%M:%S}Z")
    return "\n".join(line for line in lines if line)
