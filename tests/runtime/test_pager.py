"""Pages, to a real listener."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import structlog

from fleet.errors import InvalidInput, NotAllTold, Unreachable
from fleet.models.event import EventKind, event
from runtime.event_senders import AppriseSender
from runtime.pager import REST, SLOW, ApprisePager


class Listener(HTTPServer):
    """Keeps what is posted to it; answers `status`, after `seconds` by a clock of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posts)
        self.pages: list[dict[str, str]] = []
        self.status, self.seconds, self.at = 200, 0.0, 0.0

    def clock(self) -> float:
        return self.at

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/"


class _Posts(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.pages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.at += self.server.seconds
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_page_reaches_the_address_in_the_named_variable(listener):
    pager = ApprisePager(("PAGER",), {"PAGER": listener.url, "OTHER": "json://127.0.0.1:9/"})

    await pager.page("gpu007 needs a person", "its BMC says done, its version is unchanged")

    assert [(p["title"], p["message"]) for p in listener.pages] == [
        ("gpu007 needs a person", "its BMC says done, its version is unchanged")
    ]


async def test_a_page_that_is_not_taken_is_told(listener):
    listener.status = 500
    pager = ApprisePager(("PAGER",), {"PAGER": listener.url})

    with pytest.raises(Unreachable, match="gpu007"):
        await pager.page("gpu007 needs a person", "")


async def test_one_address_of_two_that_fails_is_told_and_the_other_is_paged_once(listener):
    pager = ApprisePager(("PAGER",), {"PAGER": f"{listener.url} json://127.0.0.1:9/"})

    with pytest.raises(NotAllTold) as first:
        await pager.page("gpu007 needs a person", "")
    with pytest.raises(NotAllTold) as again:
        await pager.page("gpu007 needs a person", "", but=first.value.took)

    assert ({"PAGER:0"}, 1) == (again.value.took, len(listener.pages))


@pytest.mark.parametrize(("seconds", "asked"), [(SLOW, [0, 3]), (0.0, [0, 1, 2, 3])])
async def test_an_address_that_is_slow_to_take_no_page_is_left_alone_for_a_while(listener, seconds, asked):
    pager = ApprisePager(("PAGER",), {"PAGER": listener.url}, listener.clock)
    listener.status, listener.seconds = 500, seconds

    for number in range(3):
        with pytest.raises(NotAllTold):
            await pager.page(f"page {number}", "")
    listener.status, listener.at = 200, listener.at + REST
    await pager.page("page 3", "")

    assert [f"page {number}" for number in asked] == [page["title"] for page in listener.pages]


async def test_an_event_is_sent_again_only_to_the_address_that_did_not_take_it(listener):
    sender = AppriseSender("CHAT", {"CHAT": f"json://127.0.0.1:9/ {listener.url}"})
    at = datetime(2026, 3, 1, tzinfo=UTC)

    for occasion in ("op-1", "op-1", "op-2"):
        with pytest.raises(NotAllTold):
            await sender.send(event(EventKind.AUTOSTOP, occasion, at, ("sim", None), reason=occasion))

    assert ["op-1", "op-2"] == [page["message"].splitlines()[0] for page in listener.pages]


async def test_without_an_address_a_page_is_only_logged():
    with structlog.testing.capture_logs() as logged:
        await ApprisePager(("PAGER",), {}).page("gpu007 needs a person", "why")

    assert [(line["log_level"], line.get("variable"), line.get("title")) for line in logged] == [
        ("warning", "PAGER", None),
        ("warning", None, "gpu007 needs a person"),
    ]


def test_an_address_that_is_none_is_bad_input_and_is_not_repeated():
    with pytest.raises(InvalidInput, match="PAGER") as told:
        ApprisePager(("PAGER",), {"PAGER": "nonsense://user:secret@"})

    assert "secret" not in str(told.value)


async def test_a_page_with_an_owner_reaches_the_owners_address_beside_the_fleets(listener):
    environ = {"FLEET": listener.url, "DRIVER_PEOPLE": f"{listener.url}drivers"}
    pager = ApprisePager(["FLEET"], environ)

    await pager.page("gpu-driver/550.2 was offboarded", "it hangs", to="DRIVER_PEOPLE")
    await pager.page("autostop", "failed", to="FLEET")

    titles = [page["title"] for page in listener.pages]
    assert ["gpu-driver/550.2 was offboarded"] * 2 + ["autostop"] == titles


async def test_an_owners_address_that_can_not_be_read_is_said(listener):
    with pytest.raises(InvalidInput, match="environment: DRIVER_PEOPLE: expected apprise URLs"):
        await ApprisePager([], {"DRIVER_PEOPLE": "nowhere://"}).page("t", "b", to="DRIVER_PEOPLE")
