"""Webhooks, to a real receiver over HTTP and HTTPS."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from drivers.events import WebhookSender
from drivers.events.signing import key_of, signed
from fleet.errors import InvalidInput, Refused, Unreachable
from fleet.models.event import EventKind, event
from fleet.models.event_sink import EventSink
from tests.emulators.bmc.certificates import Authority
from tests.parts.receiver import HANG, Receiver

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLD = event(
    EventKind.DRAIN_BEGUN, "visit/c1/gpu/1/d1/1#gpu-01.site", AT, ("c1", "gpu"), hosts=("gpu-01.site",), reason="due"
)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


@pytest.fixture
async def sender(receiver, tmp_path):
    """Makes senders to the receiver, and closes them."""
    made = []

    def make(**hook):
        timeout = hook.pop("timeout", "10s")
        values = {"url": receiver.url, **hook}
        sink = EventSink(name="chat", webhook={k: v for k, v in values.items() if v is not None}, timeout=timeout)
        made.append(WebhookSender(sink, sink.webhook, tmp_path, lambda: 1_760_000_000.9))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def test_an_event_is_posted_as_json_with_its_id_and_time(receiver, sender):
    await sender().send(TOLD)

    headers, body = receiver.posts[0]
    assert json.loads(TOLD.model_dump_json()) == json.loads(body)
    assert (TOLD.id, "1760000000") == (headers["webhook-id"], headers["webhook-timestamp"])
    assert "application/json" == headers["Content-Type"]
    assert "webhook-signature" not in headers


async def test_the_signature_is_over_id_time_and_body(receiver, sender, tmp_path):
    (tmp_path / "key").write_text(SECRET + "\n")
    await sender(secret={"file": "key"}).send(TOLD)

    headers, body = receiver.posts[0]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(b"0123456789abcdef01234567", content, sha256).digest()
    assert f"v1,{base64.b64encode(mac).decode()}" == headers["webhook-signature"]
    assert SECRET not in str(headers) + body.decode()


def test_a_signature_is_that_of_the_standards_own_example():
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "x")
    body = b'{"test": 2432232314}'

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == signed(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )


def test_ids_have_no_dot_which_parts_what_is_signed():
    assert "." not in TOLD.id


@pytest.mark.parametrize(("status", "meaning"), [(500, Unreachable), (429, Unreachable), (404, Unreachable)])
async def test_an_answer_that_may_be_another_later_is_tried_again(receiver, sender, status, meaning):
    receiver.statuses = [status]
    with pytest.raises(meaning, match=f"sink chat: HTTP {status}"):
        await sender().send(TOLD)


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_answer_that_blames_the_event_is_final(receiver, sender, status):
    receiver.statuses = [status]
    with pytest.raises(Refused, match=f"HTTP {status}"):
        await sender().send(TOLD)


async def test_a_redirection_is_not_followed(receiver, sender):
    receiver.statuses = [307]
    with pytest.raises(Unreachable, match="HTTP 307"):
        await sender().send(TOLD)
    assert 1 == len(receiver.posts)


async def test_a_receiver_that_hangs_is_given_its_time_and_no_more(receiver, sender):
    receiver.statuses = [HANG, 200]
    way = sender(timeout="300ms")
    with pytest.raises(Unreachable, match=r"no answer within 0\.3 s"):
        await way.send(TOLD)

    await way.send(TOLD)

    assert [TOLD.id] == [e["id"] for e in receiver.events]


async def test_a_receiver_that_restarts_is_reached_again(receiver, sender):
    way = sender()
    await way.send(TOLD)
    receiver.stop()
    with pytest.raises(Unreachable, match=r"sink chat: (ConnectError|RemoteProtocolError)"):
        await way.send(TOLD)
    receiver.start()

    await way.send(TOLD)

    assert [TOLD.id, TOLD.id] == [e["id"] for e in receiver.events]


async def test_https_is_trusted_by_the_named_authority_alone(tmp_path):
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    with Receiver(authority.context("hook")) as receiver:
        for ca, taken in ((authority, True), (stranger, False), (None, False)):
            hook = {"url": receiver.url} | ({"ca_file": str(ca.path)} if ca else {})
            sink = EventSink(name="chat", webhook=hook)
            way = WebhookSender(sink, sink.webhook, tmp_path)
            if taken:
                await way.send(TOLD)
            else:
                with pytest.raises(Unreachable, match="certificate is not trusted"):
                    await way.send(TOLD)
            await way.close()
    assert 1 == len(receiver.posts)


async def test_a_secret_url_is_read_when_it_is_needed_and_never_told(receiver, sender, tmp_path):
    way = sender(url=None, url_from={"file": "address"})
    with pytest.raises(InvalidInput, match="file address"):
        await way.send(TOLD)
    (tmp_path / "address").write_text(f"{receiver.url}/token-hunter2")
    receiver.statuses = [500, 200]
    with pytest.raises(Unreachable) as failed:
        await way.send(TOLD)
    await way.send(TOLD)

    assert "hunter2" not in str(failed.value)
    assert 2 == len(receiver.posts)


@pytest.mark.parametrize("host", ["10.0.0.300", "hooks..example", "-ü-.example"])
async def test_a_host_that_can_be_none_is_told_as_any_that_is_not_reached(sender, host):
    with pytest.raises(Unreachable, match="sink chat: ") as told:
        await sender(url=f"https://{host}/a-secret-path").send(TOLD)

    assert host not in str(told.value)


@pytest.mark.parametrize("secret", ["short", "whsec_short", "whsec_%%%%"])
async def test_a_weak_or_garbled_key_sends_nothing_and_is_not_repeated(receiver, sender, tmp_path, secret):
    (tmp_path / "key").write_text(secret)
    with pytest.raises(InvalidInput, match="file key") as refused:
        await sender(secret={"file": "key"}).send(TOLD)

    assert secret not in str(refused.value)
    assert [] == receiver.posts


@pytest.mark.parametrize(
    "hook",
    [
        {},
        {"url": "http://hooks.example.org/x"},
        {"url": "https://ann:hunter2@hooks.example.org/x"},
        {"url": "ftp://hooks.example.org/x"},
        {"url": "https:///x"},
        {"url": "https://host/a b"},
        {"url": "https://host", "url_from": {"env": "X"}},
    ],
)
def test_a_webhook_that_leads_nowhere_safe_is_refused(hook):
    with pytest.raises(ValueError, match="expected"):
        EventSink(name="chat", webhook=hook)


def test_plain_http_to_another_machine_is_allowed_by_name():
    sink = EventSink(name="chat", webhook={"url": "http://hooks.example.org/x", "plain_http": True})
    assert "http://hooks.example.org/x" == sink.webhook.url


def test_a_sink_takes_the_kinds_clusters_and_pools_it_names():
    def sink(**more):
        return EventSink(name="chat", apprise="CHAT", **more)

    whole_cluster = TOLD.model_copy(update={"pool": None})
    assert [True, True, True, False, False, False, True] == [
        sink().takes(TOLD),
        sink(kinds=("drain_begun",), clusters=("c1",), pools=("gpu",)).takes(TOLD),
        sink().takes(TOLD.model_copy(update={"kind": "something_new"})),
        sink(kinds=("host_back",)).takes(TOLD),
        sink(clusters=("c2",)).takes(TOLD),
        sink(pools=("cpu",)).takes(TOLD),
        sink(pools=("cpu",)).takes(whole_cluster),
    ]
