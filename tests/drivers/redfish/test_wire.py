"""From a fence to the wire: nothing lies between them that may take longer than the fence's word is worth."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.holding import FENCE_LIFE
from drivers.redfish.connection import Bmc, connected
from drivers.redfish.wire import ALLOWED_S, LANDED_S
from fleet.errors import Refused, Unreachable
from fleet.models.hardware import TaskState
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import odd_mechanism
from tests.drivers.redfish.oddbmc import INVENTORY, ROOT, TASKS, OddBmc, collection, link, member, task

PAYLOAD = {"TargetUri": "/mfwupdate", "HttpHeaders": ["User-Agent: maintrain (bios; 2.1)"]}
ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Listener:
    """Takes connections, reads a request of known length after a while, and answers it."""

    def __init__(self, length: int, after: float) -> None:
        self.connections, self.read, self._length, self._after = 0, 0, length, after

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await asyncio.sleep(self._after)
        await reader.readuntil(b"\r\n\r\n")
        while self.read < self._length:
            self.read += len(await reader.read(65536))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(length: int, after: float = 0.0) -> AsyncIterator[tuple[Listener, Bmc]]:
    listener = Listener(length, after)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, limit=65536)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connected("one", address, ("user", "word"), False, 5.0) as bmc:
        yield listener, bmc


def test_a_fence_s_word_outlasts_its_way_to_the_bmc() -> None:
    assert ALLOWED_S + LANDED_S < FENCE_LIFE


async def test_the_fence_is_asked_when_the_connection_is_open() -> None:
    async with listening(0) as (listener, bmc):
        seen = []

        async def fence() -> None:
            await asyncio.sleep(0.05)
            seen.append(listener.connections)

        assert 204 == (await bmc.post("/redfish/v1/x", {}, fence)).status
        assert [1] == seen


async def test_the_last_fence_is_asked_when_all_before_the_last_bytes_has_arrived() -> None:
    """A BMC that takes its time to read must not get the end of an image when its fence is long past."""
    piece, count = b"x" * 65536, 400
    async with listening(len(piece) * count + 4, after=0.5) as (listener, bmc):

        async def content() -> AsyncIterator[bytes]:
            for _ in range(count):
                yield piece

        passed: list[int] = []

        async def fence() -> None:
            await asyncio.sleep(0.3)
            passed.append(listener.read)

        headers = {"Content-Length": str(len(piece) * count + 4)}
        assert 204 == (await bmc.push("/redfish/v1/x", content(), b"tail", headers, fence, 20.0)).status
        assert [0, len(piece) * count] == passed


async def test_what_is_held_up_at_its_fence_is_not_sent(bmc: OddBmc, tmp_path: Path) -> None:
    async def slow() -> None:
        await asyncio.sleep(ALLOWED_S + 0.1)

    with pytest.raises(Refused, match="nothing was begun"):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", slow)
    with pytest.raises((Refused, Unreachable), match="nothing was begun"):
        await odd_mechanism(bmc, tmp_path, timeout="5s").cycle("one", slow)
    assert [] == bmc.posts


async def test_an_update_without_an_answer_is_given_time_to_show_before_anything_is_concluded(
    bmc: OddBmc, tmp_path: Path
) -> None:
    def lost(path: str) -> tuple[int, dict[str, str], Any]:
        time.sleep(0.9)
        bmc.show_tasks(task("0", TaskState="Running", Payload=PAYLOAD))
        return 202, {"Location": f"{TASKS}/0/Monitor"}, None

    bmc.answer = lost
    mechanism = odd_mechanism(bmc, tmp_path, timeout="600ms", upload_timeout="600ms")
    with pytest.raises(Unreachable):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    with pytest.raises(Unreachable, match="its task may show"):
        await mechanism.tasks("one", "bios")
    for begin in (lambda: mechanism.start_apply("one", "bios", "2.1", open_fence), lambda: mechanism.check_free("one")):
        with pytest.raises(Refused, match="its task may show"):
            await begin()
    await asyncio.sleep(0.7)
    assert [TaskState.RUNNING] == [found.state for found in await mechanism.tasks("one", "bios")]
    assert 1 == len(bmc.posts)


async def test_a_bmc_that_may_still_read_a_pushed_image_is_neither_flashed_nor_booted(
    bmc: OddBmc, tmp_path: Path
) -> None:
    """It shows no task before it has looked at the whole; by then its requests would long be answered."""
    bmc.answer = lambda path: (500, {}, None)
    mechanism = odd_mechanism(bmc, tmp_path, timeout="300ms", upload_timeout="1500ms")
    with pytest.raises(Unreachable):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    await asyncio.sleep(0.5)
    for begin in (lambda: mechanism.start_apply("one", "bios", "2.1", open_fence), lambda: mechanism.check_free("one")):
        with pytest.raises(Refused, match="its task may show"):
            await begin()
    assert () == await mechanism.tasks("one", "bios")  # whoever asks knows what was sent, and waits as long
    await asyncio.sleep(1.2)
    await mechanism.check_free("one")
    assert 1 == len(bmc.posts)


async def test_a_bmc_whose_lost_update_shows_is_in_doubt_no_more(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.show_tasks(task("0", Payload=PAYLOAD))
    bmc.answer = lambda path: (500, {}, None)
    mechanism = odd_mechanism(bmc, tmp_path, timeout="300ms", upload_timeout="30m")
    with pytest.raises(Unreachable):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    with pytest.raises(Refused, match="its task may show"):
        await mechanism.check_free("one")

    bmc.show_tasks(task("0", Payload=PAYLOAD), task("1", TaskState="Running", Payload=PAYLOAD))
    with pytest.raises(Refused, match=r"is updating bios 2.1 \(task 1, Running\)"):
        await mechanism.check_free("one", booting=True)
    bmc.show_tasks(task("0", Payload=PAYLOAD), task("1", Payload=PAYLOAD))
    bmc.resources[f"{INVENTORY}/BIOS"] = member("BIOS", "2.1")
    await mechanism.check_free("one")
    assert 1 == len(bmc.posts)


async def test_a_task_that_is_not_of_the_lost_update_settles_no_doubt(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.answer = lambda path: (500, {}, None)
    mechanism = odd_mechanism(bmc, tmp_path, timeout="300ms", upload_timeout="30m")
    with pytest.raises(Unreachable):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    bmc.show_tasks(task("1", Name="firmware update by somebody"))
    for booting in (True, False):
        with pytest.raises(Refused, match="its task may show"):
            await mechanism.check_free("one", booting=booting)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_bmc_that_says_not_now_leaves_no_doubt(bmc: OddBmc, tmp_path: Path, status: int) -> None:
    bmc.answer = lambda path: (status, {}, None)
    mechanism = odd_mechanism(bmc, tmp_path)
    with pytest.raises(Refused, match=f"HTTP {status}"):
        await mechanism.start_apply("one", "bios", "2.1", open_fence)
    assert () == await mechanism.tasks("one", "bios")


class Notes:
    """A fence that keeps how it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self) -> None:
        self.asked.append("sent")

    async def ahead(self) -> None:
        self.asked.append("ahead")


async def test_a_push_is_noted_as_sent_before_its_last_bytes_and_no_earlier(bmc: OddBmc, tmp_path: Path) -> None:
    bmc.answer = lambda path: (503, {}, None)
    notes = Notes()
    with pytest.raises(Refused):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", notes)
    assert ["ahead", "sent"] == notes.asked


def with_last_reset(bmc: OddBmc, told: str | None) -> None:
    bmc.resources[f"{ROOT}/Managers"] = collection(link(f"{ROOT}/Managers/1"))
    bmc.resources[f"{ROOT}/Managers/1"] = {"Id": "1"} | ({"LastResetTime": told} if told else {})


@pytest.mark.parametrize("told", ["2026-11-16T08:00:00Z", None])
async def test_a_bmc_remembers_its_tasks_since_its_last_reset_where_it_tells(
    bmc: OddBmc, tmp_path: Path, told: str | None
) -> None:
    with_last_reset(bmc, told)
    assert told == await odd_mechanism(bmc, tmp_path).remembers_since("one", "bios")


@pytest.mark.parametrize("told", ["1970-01-01T00:00:18Z", "1999-12-31T23:59:59Z", "boot"])
async def test_a_bmc_whose_clock_begins_anew_does_not_say_since_when(bmc: OddBmc, tmp_path: Path, told: str) -> None:
    """It would tell the same time after every restart."""
    with_last_reset(bmc, told)
    assert None is await odd_mechanism(bmc, tmp_path).remembers_since("one", "bios")


@pytest.mark.parametrize(("off", "remembers"), [(timedelta(hours=3), True), (timedelta(days=400), False)])
async def test_a_bmc_whose_clock_was_not_set_does_not_say_since_when(
    bmc: OddBmc, tmp_path: Path, off: timedelta, remembers: bool
) -> None:
    """It would begin at the date of its firmware after every restart."""
    clock = datetime.now(UTC) - off
    with_last_reset(bmc, (clock - timedelta(minutes=5)).isoformat())
    bmc.resources[f"{ROOT}/Managers/1"]["DateTime"] = clock.isoformat()
    found = await odd_mechanism(bmc, tmp_path).remembers_since("one", "bios")
    assert remembers == (found is not None)


@pytest.mark.parametrize(
    ("more", "remembers"),
    [
        ({"CompletedTaskOverWritePolicy": "Manual"}, True),
        ({"CompletedTaskOverWritePolicy": "Oldest"}, False),
        ({"TaskAutoDeleteTimeoutMinutes": 5}, False),
    ],
)
async def test_a_bmc_that_drops_ended_tasks_by_itself_does_not_say_since_when(
    bmc: OddBmc, tmp_path: Path, more: dict[str, Any], remembers: bool
) -> None:
    with_last_reset(bmc, "2026-11-16T08:00:00Z")
    bmc.resources[f"{ROOT}/TaskService"] |= more
    found = await odd_mechanism(bmc, tmp_path).remembers_since("one", "bios")
    assert remembers == (found is not None)


async def test_a_bmc_of_which_no_manager_can_be_told_does_not_say_since_when(bmc: OddBmc, tmp_path: Path) -> None:
    assert None is await odd_mechanism(bmc, tmp_path).remembers_since("one", "bios")
