"""An offboarded rollout that is rolled back at once begins an emergency, and asks for cycles where one helps."""

from datetime import timedelta

import pytest

from fleet import ids
from fleet.models.emergency import EmergencyChange, EmergencyHostState, EmergencyState
from fleet.models.fleetfile import FleetFile
from fleet.models.matrix import MatrixEntry
from fleet.models.matrix import Verdict as MatrixVerdict
from fleet.models.messages import Command
from fleet.models.phases import GateAction
from fleet.models.train import Domain
from fleet.policy.emergency_orders import EmergencyVerb, emergency_order
from fleet.policy.taking_back import emergency_of_rollout
from tests.scenarios.site import CLUSTER, POOL, fleet_document
from tests.steps.reviews import DRIVER, FIRST

EMERGENCY = emergency_of_rollout(DRIVER, CLUSTER)


async def emergency_over(reviews, *left_out) -> None:
    """The emergency is through, and did not get these hosts."""

    def through(before, hosts):
        out = [h for h in hosts if h.host in left_out]
        rows = tuple(h.model_copy(update={"state": EmergencyHostState.LEFT_OUT, "reason": "jobs"}) for h in out)
        done = before.model_copy(update={"state": EmergencyState.DONE})
        return EmergencyChange(emergency=done, hosts=rows)

    await reviews.store.change_emergency(EMERGENCY, through)


async def test_offboarded_at_once_begins_one_emergency_on_the_hosts_that_carry_it(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002", "gpu005")
    await reviews.order("offboard")
    await reviews.look()
    await reviews.passed("gpu003")
    await reviews.look()
    begun = await reviews.store.emergencies(CLUSTER)
    rows = await reviews.store.emergency_hosts(EMERGENCY)

    assert [(EMERGENCY, EmergencyState.RUNNING, {"gpu-driver": "550.1"})] == [(e.id, e.state, e.targets) for e in begun]
    assert [("gpu002", "d001", "pending"), ("gpu005", "d002", "pending")] == [(r.host, r.domain, r.state) for r in rows]
    assert (None, "maintrain") == (begun[0].override, begun[0].started_by)
    assert begun[0].why.startswith(f"{DRIVER} was offboarded and is rolled back at once")
    assert not await asked(reviews)


async def test_an_emergency_that_a_person_stopped_is_not_begun_anew_nor_gone_around(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")
    await reviews.look()
    word = emergency_order(Command(actor="ann", reason="wait"), EmergencyVerb.STOP, await reviews.store.clock())
    await reviews.store.change_emergency(EMERGENCY, word)
    await reviews.look()

    assert [EmergencyState.STOPPED] == [e.state for e in await reviews.store.emergencies(CLUSTER)]
    assert not await asked(reviews)


async def test_hosts_that_its_emergency_did_not_get_are_left_to_the_train_and_it_ends_when_nobody_carries_it(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    assert f"{DRIVER} is offboarded" == await reviews.order("offboard")

    await reviews.look()
    await emergency_over(reviews, "gpu002")
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
    assert () == await reviews.store.emergencies(CLUSTER)
    told = [body for title, body, _ in reviews.owners.pages if title == f"{DRIVER} can't be rolled back in sim/gpu"]
    assert [True] == ["1 hosts of sim/gpu carry it" in body and "would not be allowed" in body for body in told]


async def test_people_are_told_once_of_a_way_back_with_the_trains_that_can_not_board(reviews):
    await reviews.start()
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")
    await reviews.look()
    assert [f"{DRIVER} was offboarded"] == [title for title, _, _ in reviews.owners.pages]

    broken = MatrixEntry(components={"gpu-driver": "550.1"}, verdict=MatrixVerdict.BROKEN)
    await reviews.store.add_matrix(CLUSTER, (broken,), "ann", "found", await reviews.store.clock())
    for _ in range(2):
        await reviews.look()

    told = [body for title, body, _ in reviews.owners.pages if title == f"{DRIVER} can't be rolled back in sim/gpu"]
    assert [True] == [
        "1 hosts of sim/gpu carry it" in body and "It stays there until one would" in body for body in told
    ]


@pytest.mark.parametrize("wish", ["at_once", "with_trains"])
async def test_hosts_of_a_pool_that_a_load_dropped_hold_up_no_look(reviews, wish):
    """They are its members until they are read into another one."""
    await reviews.start(on_offboard={"roll_back": wish})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")
    document = fleet_document()
    document["clusters"][0]["pools"][0]["name"] = "gpu-new"
    now = await reviews.store.clock()
    await reviews.store.load_fleet(FleetFile.model_validate(document), "renamed", "ann", "a better name", now)

    seen = await reviews.look()

    assert "1 hosts still carry it and are rolled back" in seen.reason
    assert () == await reviews.store.emergencies(CLUSTER)


async def test_a_cycle_is_asked_for_once_after_each(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    await reviews.look()
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    await reviews.look()
    await emergency_over(reviews, "gpu002")
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

    assert "1 carry it in repair or in others' hands, where no visit takes them" in seen.reason
    assert (False, ()) == (await asked(reviews), await reviews.store.emergencies(CLUSTER))


async def test_a_cycle_under_way_is_not_asked_for_again(reviews):
    await reviews.start(on_offboard={"roll_back": "at_once"})
    now = await reviews.store.clock()
    await reviews.store.ask_cycles(CLUSTER, POOL, 1, "ann", "go", now)
    await reviews.store.open_cycle(CLUSTER, POOL, 1, (Domain(name="d001", hosts=FIRST),), now, now + timedelta(1))
    await reviews.passed("gpu002")
    await reviews.order("offboard")

    await reviews.look()
    await emergency_over(reviews, "gpu002")
    await reviews.look()

    assert [] == [w for w in reviews.engine.woken if w.startswith("train/")]
