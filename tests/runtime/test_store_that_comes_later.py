"""A worker and a store that does not answer yet, or is away for a while."""

import asyncio
import math

import pytest
import structlog

from fleet.errors import Unreachable
from runtime.settings import load_settings
from store import open_store
from tests.parts.postgres import postgres
from tests.store import facts as f
from worker.main import fleet_in_force

__all__ = ["postgres"]


def settings_of(tmp_path):
    """Settings that lead to a server by a folder that is not there yet."""
    url = f"postgresql://nobody@/facts?host={tmp_path}/server"
    return load_settings({"MAINTRAIN_DATA": str(tmp_path), "MAINTRAIN_STORE_URL": url})


async def test_a_worker_waits_for_a_store_that_comes_later(postgres, tmp_path):
    url = postgres.url(postgres.new_database())
    store = await open_store(url)
    await store.load_fleet(f.fleet_file(), "text", "ann", "first", f.NOW)
    await store.close()
    settings = settings_of(tmp_path).model_copy(update={"store_url": url.rpartition("=")[0] + f"={tmp_path}/server"})

    with structlog.testing.capture_logs() as logged:
        waiting = asyncio.create_task(fleet_in_force(settings, asyncio.Event(), math.inf))
        while not logged and not waiting.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (tmp_path / "server").symlink_to(url.rpartition("=")[2])
        assert await waiting

    assert "the store does not answer" == logged[0]["event"]


async def test_one_that_never_comes_ends_a_starting_worker_with_the_reason(tmp_path):
    with pytest.raises(Unreachable, match="store: "):
        await fleet_in_force(settings_of(tmp_path), asyncio.Event(), 0.0)


async def test_a_worker_that_waits_for_a_store_is_told_to_stop(tmp_path):
    stop = asyncio.Event()
    stop.set()

    assert not await fleet_in_force(settings_of(tmp_path), stop, math.inf)
