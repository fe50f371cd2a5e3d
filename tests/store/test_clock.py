"""The clock of the facts."""

from datetime import UTC, datetime, timedelta


async def test_the_clock_of_the_facts_goes_on_and_tells_utc(store):
    first = await store.clock()
    second = await store.clock()
    assert first <= second
    assert timedelta(0) == second.utcoffset()
    # All on one machine here; elsewhere the two may well differ, which is why there is this clock.
    assert abs(datetime.now(UTC) - second) < timedelta(minutes=1)
