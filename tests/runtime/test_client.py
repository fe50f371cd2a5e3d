"""Connecting, and setting a namespace up."""

import base64
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from fleet.errors import InvalidInput, Unreachable
from runtime.client import connect
from runtime.codec import EncryptionCodec, data_converter, read_keys
from runtime.engine import TemporalEngine
from runtime.namespace import SEARCH_ATTRIBUTES, setup_namespace
from tests.parts.temporal import settings_in


async def test_without_a_server_it_says_how_to_start_one(tmp_path):
    with pytest.raises(Unreachable, match="start one with `maintrain up`"):
        await connect(settings_in(tmp_path))


async def test_an_address_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await connect(settings_in(tmp_path, TEMPORAL_ADDRESS="127.0.0.1:9"))


@pytest.mark.parametrize("address", ["not an address", "127.0.0.1:port", "http://"])
async def test_an_address_that_is_none_is_refused(tmp_path, address):
    with pytest.raises(InvalidInput, match="TEMPORAL_ADDRESS: expected host:port"):
        await connect(settings_in(tmp_path, TEMPORAL_ADDRESS=address))


async def test_a_profile_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(InvalidInput, match="TEMPORAL_"):
        await connect(settings_in(tmp_path, TEMPORAL_PROFILE="nowhere"))


async def test_patience_is_bounded(tmp_path):
    began = time.monotonic()

    with pytest.raises(Unreachable):
        await connect(settings_in(tmp_path), patience=1)

    assert 1 <= time.monotonic() - began < 5


async def test_the_environment_leads_to_another_temporal(tmp_path, temporal):
    client = await connect(
        settings_in(tmp_path, TEMPORAL_ADDRESS=temporal.record.address, TEMPORAL_NAMESPACE="default")
    )

    assert client.service_client.config.target_host == temporal.record.address


async def test_a_namespace_that_is_not_there_is_registered_and_set_up_once(tmp_path, temporal):
    client = await connect(
        settings_in(tmp_path, TEMPORAL_ADDRESS=temporal.record.address, TEMPORAL_NAMESPACE="fleet-east")
    )

    said = await setup_namespace(client)
    again = await setup_namespace(client)

    assert said[0] == "registered namespace fleet-east"
    assert again == ()
    assert await _retention_days(client) == 90
    assert await _attributes(client) >= SEARCH_ATTRIBUTES.keys()


async def test_the_embedded_namespace_keeps_histories_90_days_and_knows_the_search_attributes(client):
    assert await _retention_days(client) == 90
    assert await _attributes(client) >= SEARCH_ATTRIBUTES.keys()
    assert await setup_namespace(client) == ()


async def test_the_engine_says_which_workflows_run(client):
    engine = TemporalEngine(client)
    handle = await client.start_workflow("Anything", id=f"engine-{os.getpid()}", task_queue="none")

    assert await engine.running(handle.id) is True
    await handle.terminate()
    assert await engine.running(handle.id) is False
    assert await engine.running("never/seen") is False


async def test_the_engine_says_when_a_signal_came_in_though_no_worker_hears_it(client):
    engine, started = TemporalEngine(client), datetime.now(UTC)
    handle = await client.start_workflow("Anything", id=f"signalled-{os.getpid()}", task_queue="none")
    run = handle.result_run_id or ""
    await handle.signal("resume")
    first = await engine.signalled(handle.id, run, "resume")
    await handle.signal("resume")
    await handle.signal("wake")

    last = await engine.signalled(handle.id, run, "resume")

    assert first is not None
    assert last is not None
    assert started - timedelta(seconds=5) < first <= last < datetime.now(UTC) + timedelta(seconds=5)
    assert await engine.signalled(handle.id, run, "stop") is None
    assert await engine.signalled("never/seen", run, "resume") is None
    await handle.terminate()


async def test_payloads_are_encrypted_under_the_first_key_and_read_with_any(tmp_path):
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text(old + "\n")
    after.write_text(f"{new}\n{old}\n")

    sealed = await data_converter(before).encode([{"host": "gpu001"}])

    assert b"gpu001" not in sealed[0].SerializeToString()
    assert await data_converter(after).decode(sealed) == [{"host": "gpu001"}]
    assert (await data_converter(after).encode([1]))[0].metadata["key"] != sealed[0].metadata["key"]


async def test_a_payload_under_a_missing_key_or_altered_is_not_read(tmp_path):
    ours, theirs = os.urandom(32), os.urandom(32)
    sealed = await EncryptionCodec([ours]).encode([(await data_converter(None).encode(["x"]))[0]])

    with pytest.raises(Exception, match="not in the key file"):
        await EncryptionCodec([theirs]).decode(sealed)
    sealed[0].data = sealed[0].data[:-1] + bytes([sealed[0].data[-1] ^ 1])
    with pytest.raises(Exception, match="altered"):
        await EncryptionCodec([ours]).decode(sealed)


@pytest.mark.parametrize(("text", "told"), [("", "at least one"), ("c2hvcnQ=", "key 1"), ("%%%", "key 1")])
def test_a_bad_key_file_is_told_with_the_place(tmp_path, text, told):
    file = tmp_path / "keys"
    file.write_text(text)

    with pytest.raises(InvalidInput, match=told):
        read_keys(file)


async def _retention_days(client):
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return answer.config.workflow_execution_retention_ttl.seconds / 86400


async def _attributes(client):
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return answer.custom_attributes.keys()
