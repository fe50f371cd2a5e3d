"""An offboarded rollout that is rolled back at once asks for cycles where one helps, and for no others."""

from datetime import timedelta

from fleet import ids
from fleet.models.matrix import MatrixEntry
from fleet.models.matrix import Verdict as MatrixVerdict
from fleet.models.phases import GateAction
from fleet.models.train import Domain
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.reviews import DRIVER, FIRST


async def test_offboarded_at_once_asks_the_train_for_a_cycle_and_ends_when_nobody_carries_it(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    assert f"{DRIVER} is offboarded" == await reviews.order("offboard")

    seen = await reviews.look()
    await reviews.look()

    assert (False, GateAction.HOLD) == (seen.over, seen.action)
    assert "1 hosts still carry it and are rolled back" in seen.reason
    facts = await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())
    assert (True, frozenset({"gpu002"})) == (facts.cycle_asked, facts.first)
    assert 1 == reviews.engine.woken.count(ids.train(CLUSTER, POOL))
    assert [f"{DRIVER} was offboarded"] == [title for title, _, _ in reviews.owners.pages]
    await reviews.store.record_versions(CLUSTER, "gpu002", {"gpu-driver": "550.1"}, await reviews.store.clock())
    ended = await reviews.look()
    assert (True, GateAction.END, "offboarded") == (ended.over, ended.action, ended.state)


async def closed_cycle(reviews) -> None:
    """A cycle opens and ends, in which nothing boards."""
    now = await reviews.store.clock()
    number = 1 + ((await reviews.store.cycle(CLUSTER, POOL)).number if await reviews.store.cycle(CLUSTER, POOL) else 0)
    await reviews.store.open_cycle(CLUSTER, POOL, number, (), now, now + timedelta(1))
    await reviews.store.close_cycle(CLUSTER, POOL, number, now)


async def asked(reviews) -> bool:
    return (await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())).cycle_asked


async def test_no_cycle_is_asked_for_a_way_back_that_can_not_board_and_people_are_told_once(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    now = await reviews.store.clock()
    broken = MatrixEntry(components={"gpu-driver": "550.1"}, verdict=MatrixVerdict.BROKEN)
    await reviews.store.add_matrix(CLUSTER, (broken,), "ann", "found", now)
    await reviews.order("offboard")

    for _ in range(2):
        await reviews.look()

    assert (False, []) == (await asked(reviews), [w for w in reviews.engine.woken if w.startswith("train/")])
    told = [body for title, body, _ in reviews.owners.pages if title == f"{DRIVER} can't be rolled back in sim/gpu"]
    assert [True] == ["1 hosts of sim/gpu carry it" in body and "would not be allowed" in body for body in told]


async def test_a_cycle_is_asked_for_once_after_each(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    seen = []
    for _ in range(2):
        await reviews.look()
        seen.append(await asked(reviews))
        await reviews.store.ask_cycles(CLUSTER, POOL, 0, "ann", "not now", await reviews.store.clock())
        await reviews.look()
        seen.append(await asked(reviews))
        await closed_cycle(reviews)

    assert [True, False, True, False] == seen


async def test_no_cycle_is_asked_for_a_host_that_is_out_and_that_no_visit_could_take(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")
    reviews.site.world.kill_daemon("gpu002")
    await reviews.observe()

    seen = await reviews.look()

    assert "1 hosts still carry it and are rolled back" in seen.reason
    facts = await reviews.store.train_facts(CLUSTER, POOL, await reviews.store.clock())
    assert not facts.cycle_asked


async def test_a_cycle_under_way_is_not_asked_for_again(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    now = await reviews.store.clock()
    await reviews.store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await reviews.store.open_cycle(CLUSTER, POOL, 1, (Domain(name="d001", hosts=FIRST),), now, now + timedelta(1))
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    await reviews.look()

    assert [] == [w for w in reviews.engine.woken if w.startswith("train/")]
