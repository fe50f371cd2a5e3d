"""Looks and grants go by the time at which the ledger was free; a clock that is put back misleads nobody."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

from fleet.models.intent import Before
from fleet.models.operation_part import OperationPart
from store import open_store
from store.kept.observations import KeptObservations
from tests.store import facts as f


async def test_a_look_that_began_before_the_one_that_is_known_is_not_kept(store, url):
    await f.ready(store)
    other = await open_store(url)
    await store.record_observation(f.look(30))
    await other.record_observation(f.look(15, reason="old"))
    await other.record_observation(f.look(20, error="held up"))
    for each in (store, other):
        seen = (await each.facts(f.C, f.NOW)).observation
        assert (f.later(30), None, "") == (seen.began_at, seen.hosts["gpu0000"].node.reason, seen.error)
    await other.close()


async def test_a_look_is_kept_whose_clock_was_put_back_since_the_last_one(store):
    """Else the old one would stay, and seem fresh, for as long as the clock went back."""
    await f.ready(store)
    now = await store.clock()
    await store.record_observation(f.look().model_copy(update={"began_at": now + timedelta(hours=1)}))
    await store.record_observation(f.look(reason="new").model_copy(update={"began_at": now}))

    seen = (await store.facts(f.C, now)).observation
    assert (now, "new") == (seen.began_at, seen.hosts["gpu0000"].node.reason)


async def test_an_older_look_that_is_held_up_while_it_is_written_does_not_replace_a_newer_one(store, url):
    await f.ready(store)
    begun = threading.Event()

    class HeldUp(KeptObservations):
        def read(self, connection, cluster):
            known = super().read(connection, cluster)
            begun.set()
            time.sleep(0.2)
            return known

    async def elsewhere():
        other = await open_store(url)
        other._observations = HeldUp()
        await other.record_observation(f.look(15, reason="old"))
        await other.close()

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(begun.wait)
    await store.record_observation(f.look(30))
    await holding

    assert f.look(30) == (await store.facts(f.C, f.NOW)).observation


async def test_the_time_of_a_settling_is_read_once_nobody_else_writes(store, url):
    await f.ready(store)
    begun, over, seen = threading.Event(), [], []

    def slow(facts):
        begun.set()
        time.sleep(0.2)
        over.append(datetime.now(UTC))
        return f.nothing(facts)

    holding = f.settling_elsewhere(url, slow)
    await asyncio.to_thread(begun.wait)
    await store.settle(f.C, None, lambda facts: seen.append(facts.now) or f.nothing(facts))
    await holding

    assert over < seen


async def test_a_grant_begins_when_it_is_written_however_long_it_took_to_decide(store):
    """Until then nobody sees it: who passed a fence or began to verify meanwhile did so before it, not after."""
    await f.ready(store, members=2)
    told = {"kind": "rack", "not_with": (), "scope": ("gpu0000",), "clusters": (f.C,)}
    part = OperationPart(operation="op/1", takes=True, parks=True, **told)
    over = []

    def slow(facts):
        time.sleep(0.05)
        over.append(datetime.now(UTC))
        return f.grant_all(facts)

    await store.request(f.request("op/1", "gpu0000", part=part))
    await store.settle(f.C, None, slow)
    await store.request(f.request("r2", "gpu0001"))
    await store.settle_together([f.C], None, lambda given: {f.C: slow(given[f.C])})

    leases = (await store.facts(f.C, f.NOW)).leases
    [parking] = await store.parkings(f.C, "gpu0000")
    assert over[0] < parking.since
    assert over < [leases[host].since for host in ("gpu0000", "gpu0001")]


async def test_an_intent_is_opened_before_a_settling_or_once_its_grants_can_be_seen(store, url):
    """Else what is verified meanwhile would seem to have begun after an outsider was let on the host's scope."""
    await f.ready(store)
    begun, over = threading.Event(), []

    def slow(facts):
        begun.set()
        time.sleep(0.2)
        over.append(facts.now)
        return f.nothing(facts)

    holding = f.settling_elsewhere(url, slow, now=None)
    await asyncio.to_thread(begun.wait)
    await store.open_intent("o1", "verify:health", "t", Before(), f.NOW, cluster=f.C)
    opened_after = list(over)
    await holding

    assert opened_after == over


async def test_a_look_that_failed_keeps_the_last_good_one(store, url):
    await f.ready(store)
    await store.record_observation(f.look(0))
    await store.record_observation(f.look(15, error="slurmctld does not answer"))
    kept = f.look(0).model_copy(update={"error": "slurmctld does not answer"})
    other = await open_store(url)

    assert kept == (await store.facts(f.C, f.NOW)).observation == (await other.facts(f.C, f.NOW)).observation
    await store.record_observation(f.look(30, reason="NHC: disk"))
    assert f.look(30, reason="NHC: disk") == (await store.facts(f.C, f.NOW)).observation
    assert f.look(30, reason="NHC: disk") == (await other.facts(f.C, f.NOW)).observation
    await other.close()


async def test_a_first_look_that_failed_shows_no_host(store):
    await f.ready(store)
    assert (await store.facts(f.C, f.NOW)).observation is None
    await store.record_observation(f.look(0, error="no answer"))

    assert f.look(0, error="no answer") == (await store.facts(f.C, f.NOW)).observation
