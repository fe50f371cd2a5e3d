"""What hosts measured is kept by pool and metric, and counts while the host is the same and a member."""

from sqlalchemy import update

from store.tables.fleet import HOSTS
from tests.store import facts as f

METRIC = "nccl_busbw"


async def test_the_newest_value_of_each_host_counts(store):
    await f.ready(store)
    for host, value in (("gpu0000", 1.0), ("gpu0001", 2.0), ("gpu0000", 3.5)):
        await store.record(f.C, f.P, METRIC, host, value)
    await store.record(f.C, f.P, "another", "gpu0002", 9.0)
    await store.record("c2", f.P, METRIC, "gpu0003", 9.0)
    assert {"gpu0000": 3.5, "gpu0001": 2.0} == await store.samples(f.C, f.P, METRIC)


async def test_a_machine_that_was_replaced_left_or_moved_is_no_measure(store):
    await f.ready(store)
    for host in ("gpu0000", "gpu0001", "gpu0002", "gpu0003"):
        await store.record(f.C, f.P, METRIC, host, 1.0)
    now = await store.clock()
    for host, change in (("gpu0000", {"since": now}), ("gpu0001", {"retired_at": now}), ("gpu0002", {"pool": "other"})):
        await store._database.write(
            lambda c, h=host, v=change: c.execute(update(HOSTS).where(HOSTS.c.name == h).values(**v)).close()
        )
    assert {"gpu0003": 1.0} == await store.samples(f.C, f.P, METRIC)
