"""The words of an emergency's looks: to whom each is said, and when it is said again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.emergency import EmergencyPlanning
from activities.giving_way import yield_of_visit
from fleet.errors import Unreachable
from fleet.models.messages import Command
from fleet.policy.emergency_orders import EmergencyVerb, emergency_order
from tests.steps.site import VISIT
from tests.steps.urgent import EMERGENCY, INPUT, STOP


async def test_who_is_to_give_way_or_to_halt_is_told_once_and_not_at_each_look(urgent):
    await urgent.begin()
    first, again = await urgent.plan(), await urgent.plan()
    await urgent.ask()
    await urgent.order("stop")
    halted, still = await urgent.plan(), await urgent.plan()

    assert ([VISIT], []) == (list(first.yields), list(again.yields))
    assert ((STOP,), ()) == (halted.halts, still.halts)
    assert [15, 15] == [again.wait_seconds, still.wait_seconds]


async def test_after_a_while_it_is_told_again_for_a_word_may_have_come_before_its_hosts(urgent):
    urgent.planning.words.again = 0.0
    await urgent.begin()

    assert [[VISIT], [VISIT]] == [list((await urgent.plan()).yields) for _ in range(2)]


class Other:
    """The store of a site, but for what a test has go otherwise."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        return getattr(self.store, name)


async def test_a_word_of_a_look_that_broke_off_is_said_by_the_next_try(urgent):
    """Nobody knows whether the engine heard of it before."""
    await urgent.begin()

    class Breaks(Other):
        async def count_emergency_hosts(self, emergency):
            raise Unreachable("the store")

    planning, tried_again = EmergencyPlanning(replace(urgent.deps, store=Breaks(urgent.store))), ActivityEnvironment()
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(planning.plan_emergency, INPUT)
    planning.deps, tried_again.info = urgent.deps, replace(tried_again.info, attempt=2)

    again = await tried_again.run(planning.plan_emergency, INPUT)
    then = await ActivityEnvironment().run(planning.plan_emergency, INPUT)

    assert ([VISIT], []) == (list(again.yields), list(then.yields))


async def test_a_stop_that_is_said_again_after_a_resume_halts_what_waits_as_the_first_one_did(urgent):
    await urgent.begin()
    await urgent.plan()
    await urgent.ask()
    halted = []

    for verb in ("stop", "resume", "stop"):
        await urgent.order(verb)
        halted.append((await urgent.plan()).halts)

    assert [(STOP,), (), (STOP,)] == halted


async def test_a_look_that_a_persons_word_overtook_tells_nobody_to_give_way(urgent):
    await urgent.begin()
    commit = urgent.store.change_emergency

    class Faster(Other):
        """A person says stop between the look and what it writes."""

        async def change_emergency(self, *args, **more):
            await commit(
                EMERGENCY, emergency_order(Command(actor="ann", reason="so"), EmergencyVerb.STOP, datetime.now(UTC))
            )
            return await commit(*args, **more)

    planning = EmergencyPlanning(replace(urgent.deps, store=Faster(urgent.store)))
    planned = await ActivityEnvironment().run(planning.plan_emergency, INPUT)

    assert ("stopped", (), {}, 0.0) == (planned.state, planned.stops, planned.yields, planned.wait_seconds)
    assert not await urgent.store.claimed(yield_of_visit(VISIT))
