"""The address at which jobs ask: what a job may say of itself, and everything that is turned away."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from structlog.testing import capture_logs

from drivers.clock import wall
from drivers.registry import OpenDrivers
from fleet import ids
from runtime.avoidance_keys import job_key, signature
from runtime.avoidance_listener import LARGEST, AvoidanceListener
from runtime.build import Parts
from runtime.freeport import choose_port
from runtime.settings import Settings
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import StepSite
from tests.steps.urgent import Engine

SECRET = b"a key of enough bytes"


class Job:
    """A job that posts to a worker, with its own key."""

    def __init__(self, url: str, job: str) -> None:
        self.url, self.job, self.key = url, job, job_key(SECRET, CLUSTER, job)

    async def say(self, verb, *, key=None, at=None, raw=None, **more):
        """Status and body of the answer."""
        asked = {"verb": verb, "cluster": CLUSTER, "job": self.job, **more}
        body = json.dumps(asked).encode() if raw is None else raw
        seconds = int(wall()) if at is None else at
        headers = {
            "maintrain-timestamp": str(seconds),
            "maintrain-signature": signature(key or self.key, seconds, body),
        }
        async with httpx.AsyncClient() as client:
            answer = await client.post(self.url, content=body, headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
async def site(tmp_path):
    opened = await StepSite.open(tmp_path)
    (tmp_path / "key").write_bytes(SECRET)
    opened.data = tmp_path
    yield opened
    await opened.close()


class Silent:
    """A scheduler that does not answer."""

    async def view(self, not_before: float = 0.0):
        await asyncio.Event().wait()


@asynccontextmanager
async def listening(site, hands, port=0, **bounds):
    port = port or await choose_port(0, 0)
    settings = Settings(data=site.data, avoid_listen=f"127.0.0.1:{port}", avoid_key="file:key")
    record = await site.store.fleet()
    site.engine = Engine()
    parts = Parts(settings, site.store, record, {CLUSTER: hands}, site.pages, site.engine)
    listener = AvoidanceListener(parts, **bounds)
    task = asyncio.create_task(listener.run())
    await asyncio.wait_for(listener.ready.wait(), 10)
    yield Job(f"http://127.0.0.1:{port}/v1/avoidance", site.world.submit_job(hosts=("gpu004",)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def job(site):
    async with listening(site, site.hands) as found:
        yield found


async def test_a_job_asks_is_answered_once_and_makes_way(site, job):
    status, (first,) = await job.say("avoid", until="+2h", request="r1", why="no checkpoint yet")
    assert (200, "granted", POOL) == (status, first["state"], first["pool"])
    assert (200, [first]) == await job.say("avoid", until="+9h", request="r1")
    assert (200, [first]) == await job.say("show")
    (row,) = await site.store.avoidances(CLUSTER)
    assert (("gpu004",), "sim", "no checkpoint yet") == (row.ask.hosts, row.ask.user, row.ask.why)

    status, (said,) = await job.say("ready", request="r2")
    assert (200, "ready") == (status, said["state"])
    status, told = await job.say("withdraw")
    assert (409, True) == (status, "stands" in told["error"])
    assert ids.train(CLUSTER, POOL) in site.engine.woken


async def test_one_key_may_serve_a_job_for_both_of_its_words(job):
    await job.say("avoid", until="+2h", request="r1")
    status, (said,) = await job.say("ready", request="r1")
    assert (200, "ready") == (status, said["state"])


async def test_who_repeats_what_a_job_posted_changes_nothing(site, job):
    at = int(wall()) - 5
    await job.say("avoid", until="+1h", request="r1")
    assert 200 == (await job.say("withdraw", at=at))[0]
    _, (first,) = await job.say("ready", at=at)
    _, (kept,) = await job.say("avoid", until="+2h", request="r2")

    assert 409 == (await job.say("withdraw", at=at))[0]
    _, (again,) = await job.say("ready", at=at)
    assert (first["id"], "ready", "ended") == (again["id"], first["state"], again["state"]), "it has asked since"
    rows = {row.id: row.state for row in await site.store.avoidances(CLUSTER)}
    assert (3, "granted") == (len(rows), rows[kept["id"]])


async def test_what_a_job_says_reaches_no_terminal_as_it_is(site, job):
    await job.say("avoid", until="+1h", why="a\x1b[2Jrun")
    assert 200 == (await job.say("withdraw", why="over\x00\x1b[2J"))[0]
    (row,) = await site.store.avoidances(CLUSTER)
    assert ("", "withdrawn by sim: the job says so") == (row.ask.why, row.reason)


async def test_a_job_speaks_for_itself_alone_and_now(site, job):
    other = job_key(SECRET, CLUSTER, "1")
    now = int(wall())
    found = [
        await job.say("avoid", until="+2h", key=other),
        await job.say("avoid", until="+2h", key=SECRET.hex()),
        await job.say("avoid", until="+2h", at=now - 400),
        await job.say("avoid", until="+2h", at=now + 400),
    ]
    assert {401} == {status for status, _ in found}
    assert () == await site.store.avoidances(CLUSTER)


async def test_what_can_not_be_read_is_told_in_one_sentence(site, job):
    found = {
        "no JSON": await job.say("", raw=b"{"),
        "an unknown verb": await job.say("stop"),
        "a misspelt field": await job.say("avoid", untill="+2h"),
        "no date": await job.say("avoid"),
        "another cluster": await Job(job.url, job.job).say("avoid", until="+2h", cluster="moon"),
        "too much": await job.say("", raw=b" " * (LARGEST + 1)),
    }
    statuses = {name: status for name, (status, _) in found.items()}
    assert {
        "no JSON": 400,
        "an unknown verb": 400,
        "a misspelt field": 400,
        "no date": 400,
        "another cluster": 401,
        "too much": 413,
    } == statuses
    assert all(body["error"] for _, body in found.values())
    async with httpx.AsyncClient() as client:
        assert 404 == (await client.get(job.url)).status_code
    assert (200, []) == await job.say("show")


async def test_a_question_for_the_head_alone_is_answered_without_a_body(job, caplog, capfd):
    for method in ("HEAD", "OPTIONS", "CONNECT"):
        async with httpx.AsyncClient() as client:
            answer = await client.request(method, job.url)
        assert 404 == answer.status_code
        assert (method != "HEAD") == bool(answer.content)
    assert "a job's request failed" not in f"{caplog.text}{''.join(capfd.readouterr())}"


async def test_what_a_job_is_shown_is_its_own_however_much_others_asked_since(site, job):
    _, (first,) = await job.say("avoid", until="+2h", request="r1")
    (row,) = await site.store.avoidances(CLUSTER)
    for number in range(1, 1002):
        changes = {"id": f"r{number}", "job": f"other-{number}"}
        await site.store.say_ready(row.ask.model_copy(update=changes), await site.store.clock())
    assert (200, [first]) == await job.say("show")
    assert 200 == (await job.say("withdraw"))[0]


async def test_garbage_on_the_wire_ends_its_connection_and_no_other(job):
    port = httpx.URL(job.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert (200, []) == await job.say("show")


async def test_a_job_that_has_ended_asks_for_nothing(site, job):
    site.world.end_job(job.job)
    status, told = await job.say("avoid", until="+2h")
    assert (409, f"job {job.job} holds no hosts now") == (status, told["error"])


async def test_a_job_is_told_that_the_scheduler_does_not_answer(site):
    hands = OpenDrivers(scheduler=Silent(), hardware=site.hands.hardware, verifier=site.hands.verifier)
    async with listening(site, hands, answered_within=0.1) as job:
        status, told = await job.say("avoid", until="+2h", request="r1")
        assert (503, "no answer within 0.1 s: repeat the request") == (status, told["error"])
        assert (200, []) == await job.say("show")


async def test_an_address_that_another_worker_has_is_told_of_once_and_taken_when_it_is_free(site):
    with capture_logs() as logged:
        async with listening(site, site.hands) as job:
            port = httpx.URL(job.url).port

            async def second() -> int:
                async with listening(site, site.hands, port, again=0.01) as other:
                    return (await other.say("show"))[0]

            waiting = asyncio.create_task(second())
            while not [line for line in logged if "ask here" in line["event"]]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        assert 200 == await waiting
    assert ["jobs can't ask here"] == [line["event"] for line in logged if "ask here" in line["event"]]
