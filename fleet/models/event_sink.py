"""Where events go: the `events` of a fleet file."""

from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from fleet.models.base import Fact, Name
from fleet.models.event import Event, EventKind
from fleet.models.secret import SecretRef
from fleet.models.units import Duration, parse_duration


class Webhook(Fact):
    """A receiver that is posted each event as JSON, signed where there is a secret."""

    url: str | None = Field(None, max_length=2000, description="https://…; http:// to this machine only")
    url_from: SecretRef | None = Field(None, description="where the URL is found, if it is a secret itself")
    secret: SecretRef | None = Field(None, description="where the signature's key is found; without it none is sent")
    plain_http: bool = Field(False, description="let events cross a network unencrypted")
    ca_file: str | None = Field(
        None, description="certificates to trust instead of the system's; relative to the data folder"
    )

    @model_validator(mode="after")
    def _one_url(self) -> "Webhook":
        if (self.url is None) == (self.url_from is None):
            raise ValueError("expected either url or url_from")
        if self.url is not None:
            self.checked(self.url)
        return self

    def checked(self, url: str) -> str:
        """The URL, if events may go there. ValueError, which does not repeat it, if not."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if not host or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
            raise ValueError("url: expected https://HOST/… without spaces")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url: expected one without a user or password; use url_from for one that holds a secret")
        if parts.scheme == "http" and not self.plain_http and not _is_here(host):
            raise ValueError("url: expected https, or plain_http: true; only this machine is reached by http otherwise")
        return url


class EventSink(Fact):
    """One receiver, and what it takes."""

    name: Name
    webhook: Webhook | None = None
    apprise: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="name of an environment variable that holds apprise URLs",
    )
    kinds: tuple[EventKind, ...] = Field((), description="kinds of event it takes; default all, future ones too")
    clusters: tuple[Name, ...] = Field((), description="clusters it takes events of; default all")
    pools: tuple[Name, ...] = Field((), description="pools it takes events of; default all, and those of none")
    timeout: Duration = Field(parse_duration("10s"), description="time a receiver has to answer")
    most_waiting: int = Field(10_000, ge=1, le=100_000, description="events kept for it; older ones are given up")
    give_up_after: Duration = Field(parse_duration("24h"), description="age at which an event is given up")

    @field_validator("timeout")
    @classmethod
    def _short(cls, value: timedelta) -> timedelta:
        if not timedelta(0) < value <= timedelta(minutes=1):
            raise ValueError("expected at most 1m")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> "EventSink":
        if (self.webhook is None) == (self.apprise is None):
            raise ValueError("expected either webhook or apprise")
        return self

    def takes(self, event: Event) -> bool:
        """True when the event is for this sink."""
        if event.kind == EventKind.TEST:
            return True
        if self.kinds and event.kind not in self.kinds:
            return False
        if self.clusters and event.cluster not in self.clusters:
            return False
        return not (self.pools and event.pool is not None and event.pool not in self.pools)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
