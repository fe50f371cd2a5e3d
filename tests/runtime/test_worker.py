"""The worker process, for real: what it waits for, what it serves, how it ends."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from fleet.errors import InvalidInput
from fleet.models.fleetfile import FleetFile
from runtime.build import open_parts, served
from store import open_store
from tests.parts.temporal import settings_in

EXAMPLE = Path(__file__).parents[2] / "examples" / "simulated.yaml"


class Running:
    """A worker process and what it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, object]] = []

    async def until(self, event: str) -> dict[str, object]:
        """Read its log to the next line that says `event`."""
        while True:
            line = await asyncio.wait_for(self.process.stderr.readline(), 60)
            assert line, f"it ended ({await self.process.wait()}) before it said {event!r}: {self.events}"
            self.events.append(json.loads(line))
            if self.events[-1]["event"].startswith(event):
                return self.events[-1]

    async def end(self) -> int:
        """Its exit code."""
        await asyncio.wait_for(self.process.stderr.read(), 60)
        return await self.process.wait()


@asynccontextmanager
async def _worker(folder: Path, temporal, *arguments: str, **environ: str) -> AsyncIterator[Running]:
    environment = {
        "MAINTRAIN_DATA": str(folder),
        "MAINTRAIN_LOG_FORMAT": "json",
        "TEMPORAL_ADDRESS": temporal.record.address,
        "TEMPORAL_NAMESPACE": "default",
        "PATH": os.environ["PATH"],
        **environ,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _load(folder: Path, **cluster: object) -> FleetFile:
    document = yaml.safe_load(EXAMPLE.read_text())
    document["clusters"][0].update(cluster)
    fleet = FleetFile.model_validate(document)
    store = await open_store(settings_in(folder).store_url)
    await store.load_fleet(fleet, yaml.safe_dump(document), "test", "to serve it", datetime.now(UTC))
    await store.close()
    return fleet


async def test_it_waits_for_a_fleet_file_serves_it_and_drains_on_sigterm(tmp_path, temporal):
    async with _worker(tmp_path, temporal) as worker:
        await worker.until("waiting for a fleet file")
        fleet = await _load(tmp_path)
        serving = await worker.until("serving")
        assert serving["clusters"] == [fleet.clusters[0].name]

        worker.process.send_signal(signal.SIGTERM)
        await worker.until("drained")
        assert await worker.end() == 0


async def test_it_opens_the_drivers_that_a_new_fleet_file_asks_for(tmp_path, temporal):
    fleet = await _load(tmp_path)
    async with _worker(tmp_path, temporal) as worker:
        await worker.until("serving")
        await _load(tmp_path, name="another")
        await worker.until("the fleet file in force asks for other drivers")

        assert (await worker.until("serving"))["clusters"] == ["another"]
        assert fleet.clusters[0].name != "another"


async def test_ctrl_c_drains_it_too_and_a_second_signal_ends_it_at_once(tmp_path, temporal):
    async with _worker(tmp_path, temporal) as worker:
        await worker.until("waiting for a fleet file")
        worker.process.send_signal(signal.SIGINT)
        assert await worker.end() == 0

    async with _worker(tmp_path, temporal) as worker:
        await worker.until("waiting for a fleet file")
        # Both are pending when it runs again, so the second finds it draining.
        worker.process.send_signal(signal.SIGSTOP)
        worker.process.send_signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGTERM)
        worker.process.send_signal(signal.SIGCONT)
        assert await worker.end() == 130


async def test_an_unknown_cluster_is_bad_input(tmp_path, temporal):
    await _load(tmp_path)
    async with _worker(tmp_path, temporal, "--cluster", "mars") as worker:
        _, told = await worker.process.communicate()

    assert worker.process.returncode == 2
    assert b"clusters.mars: expected one of" in told.splitlines()[-1]


async def test_a_bad_setting_is_one_line(tmp_path, temporal):
    async with _worker(tmp_path, temporal, MAINTRAIN_METRICS="9464") as worker:
        _, told = await worker.process.communicate()

    assert worker.process.returncode == 2
    assert told.decode() == "error: environment: MAINTRAIN_METRICS: expected host:port, such as 127.0.0.1:9464\n"


async def test_prometheus_finds_its_metrics_and_a_taken_address_is_told(tmp_path, temporal):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    await _load(tmp_path)
    async with _worker(tmp_path, temporal, MAINTRAIN_METRICS=address) as worker:
        await worker.until("serving")
        metrics = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://{address}/metrics").read().decode())
        async with _worker(tmp_path, temporal, MAINTRAIN_METRICS=address) as second:
            _, told = await second.process.communicate()

    assert "temporal_worker_start_total{" in metrics
    assert 'service_name="maintrain"' in metrics
    assert second.process.returncode == 2
    assert b"MAINTRAIN_METRICS" in told


async def test_parts_are_not_opened_without_a_fleet_file(tmp_path, client):
    with pytest.raises(InvalidInput, match="maintrain fleet load"):
        await open_parts(settings_in(tmp_path), client)


async def test_parts_are_opened_for_the_clusters_that_were_asked_for(tmp_path, client):
    fleet = await _load(tmp_path)
    name = fleet.clusters[0].name

    parts = await open_parts(settings_in(tmp_path), client, [name])

    assert list(parts.drivers) == [name]
    assert await parts.outdated() is False
    assert (await parts.drivers[name].scheduler.view()).nodes
    await _load(tmp_path, name="another")
    assert await parts.outdated() is True
    await parts.close()


async def test_served_keeps_the_fleet_files_order(tmp_path):
    fleet = await _load(tmp_path)

    assert served(fleet, None) == (fleet.clusters[0].name,)
    with pytest.raises(InvalidInput, match="mars"):
        served(fleet, ["mars"])
