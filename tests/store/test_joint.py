"""Requests that are part of a joint visit, and the trains that they call."""

from fleet.models.joint import Joint, Place
from tests.store import facts as f

HERE, THERE = Place(pool=f.P, domain="d002"), Place(pool="storage", domain="d001")


def part(place):
    return Joint(key="visit/1", place=place, partners=(THERE, HERE), until=f.later(600), why="nic/2")


async def test_a_request_keeps_its_part_in_a_joint_visit(store):
    await f.ready(store)
    asked = f.request("r1", "gpu0000", joint=part(HERE))
    await store.request(asked)

    assert (asked,) == (await store.facts(f.C, f.NOW)).requests
    assert part(HERE) == (await store.request(f.request("r1", "gpu0000"))).joint


async def test_a_train_is_called_by_what_waits_for_it_until_it_has_asked_or_the_time_is_over(store):
    async def invited(seconds=0.0):
        return (await store.train_facts(f.C, f.P, f.later(seconds))).invited

    await f.ready(store)
    assert frozenset() == await invited()
    await store.request(f.request("r1", "sto0000", joint=part(THERE)))
    assert {"d002"} == await invited()
    assert frozenset() == await invited(600)
    await store.request(f.request("r2", "gpu0000", joint=part(HERE)))
    assert frozenset() == await invited()
