"""A look at a rollout: phases open with whole domains, visits count, people approve and give orders."""

import pytest
from temporalio.exceptions import ApplicationError

from fleet.models.phases import GateAction
from fleet.models.rollouts import RolloutState
from tests.steps.reviews import CANARY, DRIVER, FIRST


async def test_the_first_look_opens_the_canary_with_a_whole_domain(reviews):
    await reviews.start()

    opened, held = await reviews.look(), await reviews.look()

    assert (GateAction.OPEN_NEXT, 0.0, "canary") == (opened.action, opened.wait_seconds, opened.phase)
    assert (GateAction.HOLD, "canary: 0 of 2 successes") == (held.action, held.reason)
    cohort = await reviews.store.cohort(DRIVER)
    assert {0} == set(cohort.values())
    assert {name for _, name in cohort} in ({"gpu001", "gpu002", "gpu003"}, {"gpu004", "gpu005", "gpu006"})
    assert "canary" in held.picture
    assert "approve" not in held.refusals


async def test_a_visit_wakes_its_rollout_once_and_its_hosts_count(reviews):
    await reviews.start(phases=[{**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}}, {"name": "everywhere"}])
    await reviews.look()

    await reviews.passed(*FIRST)
    held = await reviews.look()

    assert ["rollout/gpu-driver/550.2"] == reviews.engine.woken
    assert held.reason.startswith("canary: 3 of 2 successes, soaks until")
    assert 0 < held.wait_seconds <= 5


async def test_a_phase_that_needs_an_approval_pages_its_owner_once(reviews):
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}, "soak": "0s"}
    await reviews.start(phases=[canary, {"name": "everywhere", "approval": True}])
    await reviews.look()
    await reviews.passed(*FIRST)

    asks = await reviews.look()
    await reviews.look()

    assert GateAction.ASK_APPROVAL is asks.action
    assert [(f"{DRIVER} waits for an approval of phase everywhere", "DRIVER_PEOPLE")] == [
        (title, to) for title, _, to in reviews.owners.pages
    ]
    await reviews.order("approve")
    assert (GateAction.OPEN_NEXT, "everywhere") == ((again := await reviews.look()).action, again.phase)


async def test_an_order_that_makes_no_sense_is_refused_for_good(reviews):
    await reviews.start()

    with pytest.raises(ApplicationError, match="is running already") as refused:
        await reviews.order("resume")

    assert refused.value.non_retryable
    assert RolloutState.RUNNING is await reviews.state()


async def test_a_word_that_is_tried_again_is_said_once(reviews):
    """The worker dies between the row and its answer: the update's activity is tried again."""
    canary = {**CANARY, "cohort": {"hosts": {"names": "gpu[001-003]"}}, "soak": "0s"}
    more = {"name": "more", "cohort": {"percent": 60}, "approval": True}
    await reviews.start(phases=[canary, more, {"name": "everywhere", "approval": True}])
    await reviews.look()

    told = [await reviews.order("approve", key="first") for _ in range(2)]
    paused = [await reviews.order("pause", key="second") for _ in range(2)]

    assert ([f"{DRIVER} is running"] * 2, [f"{DRIVER} is paused"] * 2) == (told, paused)
    assert 1 == (await reviews.store.rollout(DRIVER)).approved
