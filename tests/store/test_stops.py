"""Stops are rows first: any process reads them at once."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.errors import InvalidInput
from fleet.models.stop import Stop, StopKind
from tests.store import facts as f

ROOT = Path(__file__).parents[2]
LOOK = """
import asyncio, sys
from store import open_store

async def main():
    store = await open_store(sys.argv[1])
    print("looking", flush=True)
    while not (found := await store.stops("c1", "gpu-train")):
        await asyncio.sleep(0.01)
    print(found[0].reason, flush=True)
    await store.close()

asyncio.run(main())
"""


def stop(cluster=None, pool=None, kind=StopKind.STOP, reason="storm"):
    return Stop(kind=kind, cluster=cluster, pool=pool, actor="ann", reason=reason, at=f.NOW)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [((None, None), True), ((f.C, None), True), ((f.C, f.P), True), ((f.C, "storage"), False), (("c2", None), False)],
)
async def test_a_stop_covers_the_pools_of_its_scope(store, scope, covered):
    await store.set_stop(stop(*scope))

    assert ((stop(*scope),) if covered else ()) == await store.stops(f.C, f.P)


async def test_stops_of_a_pool_do_not_cover_its_cluster(store):
    stops = [stop(), stop(f.C), stop(f.C, f.P)]
    for each in stops:
        await store.set_stop(each)

    assert tuple(stops[:2]) == await store.stops(f.C)
    assert tuple(stops) == await store.stops()


async def test_the_first_stop_of_a_scope_and_kind_is_kept(store):
    first = await store.set_stop(stop(f.C))
    second = await store.set_stop(stop(f.C, reason="again"))
    await store.set_stop(stop(f.C, kind=StopKind.FREEZE))

    assert (first, second) == (None, stop(f.C))
    assert [each.reason for each in await store.stops()] == ["storm", "storm"]
    log = [(entry.action, entry.reason, entry.detail) for entry in await store.audit_log()]
    assert log == [("freeze", "storm", ""), ("stop", "again", "in force already, by ann: storm"), ("stop", "storm", "")]


async def test_lifting_ends_stops_and_freezes_of_exactly_that_scope(store):
    for each in (stop(f.C), stop(f.C, kind=StopKind.FREEZE), stop(f.C, f.P), stop()):
        await store.set_stop(each)

    lifted = await store.lift_stop(f.C, None, "bob", "over", f.later(1))
    assert lifted == (stop(f.C), stop(f.C, kind=StopKind.FREEZE))
    assert await store.lift_stop(f.C, None, "bob", "over", f.later(2)) == ()
    assert (stop(f.C, f.P), stop()) == await store.stops()
    lifts = [(e.subject, e.detail) for e in await store.audit_log() if e.action == "lift"]
    assert lifts == [("cluster c1", "lifted: freeze, stop")]


async def test_a_resume_that_waited_lifts_nothing_that_was_said_after_it(store):
    """Neither what was set since, nor what somebody said for the second time since."""
    await store.set_stop(stop(f.C))
    await store.set_stop(stop(f.C, f.P))
    await store.set_stop(stop(f.C, kind=StopKind.FREEZE))
    again = stop(f.C, kind=StopKind.FREEZE, reason="again").model_copy(update={"at": f.later(60)})
    assert await store.set_stop(again) == stop(f.C, kind=StopKind.FREEZE)
    await store.set_stop(stop(f.C, "storage").model_copy(update={"at": f.later(60)}))

    lifted = [
        await store.lift_stop(f.C, pool, "bob", "over", f.later(90), said_at=f.later(30))
        for pool in (None, f.P, "storage")
    ]

    assert lifted == [(stop(f.C),), (stop(f.C, f.P),), ()]


async def test_a_scope_that_was_lifted_can_be_stopped_again(store):
    await store.set_stop(stop(f.C))
    await store.lift_stop(f.C, None, "bob", "over", f.NOW)
    await store.set_stop(stop(f.C, reason="second storm"))

    assert (stop(f.C, reason="second storm"),) == await store.stops(f.C, f.P)


async def test_a_pool_needs_its_cluster(store):
    with pytest.raises(InvalidInput, match="expected the cluster of pool"):
        await store.stops(None, f.P)
    with pytest.raises(InvalidInput, match="expected the cluster of pool"):
        await store.set_stop(stop(None, f.P))


async def test_a_process_that_reads_sees_a_stop_as_it_is_written(store, url):
    look = [sys.executable, "-c", LOOK, url]
    reader = await asyncio.create_subprocess_exec(*look, cwd=ROOT, stdout=subprocess.PIPE)
    assert await reader.stdout.readline() == b"looking\n"
    await store.set_stop(stop(f.C))

    assert (await reader.communicate())[0] == b"storm\n"
    assert reader.returncode == 0
