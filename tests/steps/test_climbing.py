"""The decision for the next rung, with its book, its page and what people see; and how each rung's end is noted."""

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.climbing import Climbing
from activities.hand_over import HandingOver
from activities.returning import Returning
from fleet.models.ladder import Rung
from fleet.models.messages import Command
from fleet.models.rungs import LADDER, RungEnd
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import Climb, Outcome, StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.ladder import ANN, HOST, NEEDED, handed_over, read_pages, record
from tests.steps.site import VISIT, order


async def test_without_a_ladder_a_person_is_asked_at_once_with_the_evidence(site):
    read_pages(site)
    work = await handed_over(site)
    assert (Climb.OFF, [NEEDED]) == (work.climb, site.pages.titles)
    assert "- performance, error: GPU 5 is slow (gemm)\n    61% of the others" in site.pages.bodies[0]


async def test_with_a_ladder_nobody_is_paged_and_the_repair_knows_what_failed(ladder):
    assert (Climb.ON, f"{VISIT}#{HOST}", 0) == (ladder.work.climb, ladder.work.origin, ladder.work.tries)
    assert [] == ladder.site.pages.titles


async def test_the_first_rung_is_for_what_the_visit_found(ladder):
    found = await ladder.climb()
    assert (Rung.RETRY, Category.PERFORMANCE, 1, ()) == (found.rung, found.category, found.attempt, found.steps)
    assert "retry, for a performance failure: performance: GPU 5 is slow" == found.reason


async def test_a_decision_that_was_made_is_found_again(ladder):
    assert await ladder.climb() == await ladder.climb()
    assert [("retry", None)] == await ladder.rungs()


async def test_each_rung_that_failed_leads_to_the_next_until_a_person_is_asked_with_all_of_it(ladder):
    chosen = []
    for _ in range(4):
        chosen.append((await ladder.climb()).rung)
        await ladder.tried(record())

    assert [Rung.RETRY, Rung.GPU_RESET, Rung.REBOOT, None] == chosen
    assert [
        ("retry", "failed"),
        ("gpu_reset", "failed"),
        ("reboot", "failed"),
        ("person", None),
    ] == await ladder.rungs()
    (body,) = ladder.site.pages.bodies
    assert [NEEDED] == ladder.site.pages.titles
    assert body.startswith("3 rung(s) were climbed on this host in 24 hours, and 3 are allowed: performance: GPU 5")
    for words in (
        "61% of the others",
        "1. retry: retry, for",
        "failed after 0 s: GPU 5 is slow",
        "host repaired gpu001",
    ):
        assert words in body


async def test_a_rung_that_was_refused_is_passed_over_and_says_nothing_of_the_host(ladder):
    await ladder.climb()
    await ladder.tried(record())
    await ladder.climb()
    await ladder.tried(record(StepAction.SKIP, step="rung:gpu_reset", reason="in use"), trouble="in use")
    found = await ladder.climb()
    assert (Rung.REBOOT, Category.PERFORMANCE) == (found.rung, found.category)
    assert [("retry", RungEnd.FAILED), ("gpu_reset", RungEnd.REFUSED), ("reboot", None)] == await ladder.rungs()


async def test_a_rung_after_which_nothing_is_known_goes_on_with_the_unknown(ladder):
    await ladder.climb()
    await ladder.tried(record(StepAction.HAND_OVER, step="reboot", reason="not back", verification=None))
    found = await ladder.climb()
    assert (Rung.POWER_CYCLE, None) == (found.rung, found.category)


@pytest.mark.parametrize(
    ("verdict", "severity", "words"),
    [
        (Verdict.INCONCLUSIVE, Severity.ERROR, "inconclusive verifications never climb"),
        (Verdict.FAILED, Severity.ISOLATE, "somebody must look at the host"),
    ],
)
async def test_what_never_climbs_goes_to_a_person(ladder, verdict, severity, words):
    finding = Finding(category=Category.HARDWARE, summary="who knows", severity=severity)
    verification = Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=(finding,))
    await ladder.climb()
    await ladder.tried(record(verification=verification))
    found = await ladder.climb()
    assert None is found.rung
    assert words in ladder.site.pages.bodies[0]


async def test_what_is_barred_goes_to_a_person(ladder):
    ladder.work = ladder.work.model_copy(update={"climb": Climb.BARRED, "trouble": "not allowed"})
    assert "no rung could help: not allowed" == (await ladder.climb()).reason


async def test_a_person_who_speaks_first_withdraws_the_rung(ladder):
    await ladder.climb()
    await ActivityEnvironment().run(
        HandingOver(ladder.site.deps).plan_repair, ladder.work.model_copy(update={"tries": 1}), ANN
    )
    found, person = await ladder.site.store.rungs(ladder.work.operation)
    assert (RungEnd.WITHDRAWN, "ann: a new GPU") == (found.end, found.said)
    assert ("person", "ann: a new GPU") == (person.name, person.reason)


async def test_the_ladders_own_try_is_audited_with_its_rung_and_not_as_a_persons(ladder):
    await ladder.climb()
    said = Command(actor=LADDER, reason="retry")
    await ActivityEnvironment().run(
        HandingOver(ladder.site.deps).plan_repair, ladder.work.model_copy(update={"tries": 1}), said
    )
    actions = [e.action for e in await ladder.site.store.audit_log() if e.subject == f"host {CLUSTER}/{HOST}"]
    assert ["rung retry"] == actions
    assert [("retry", None)] == await ladder.rungs()


async def test_a_decommissioned_host_leaves_no_rung_open(ladder):
    await ladder.climb()
    await ActivityEnvironment().run(HandingOver(ladder.site.deps).decommission, ladder.work, ANN)
    assert [("retry", RungEnd.WITHDRAWN), ("person", None)] == await ladder.rungs()


async def test_a_host_that_returns_was_cured_by_its_rung(ladder):
    await ladder.climb()
    back = order(
        StepKind.RETURN, HOST, operation=ladder.work.operation, repair=True, attempt=1, visit=None, reason="it passed"
    ).model_copy(update={"outcome": Outcome.REPAIRED})
    for _ in range(2):
        await ladder.site.run(Returning(ladder.site.deps).return_host, back)
    assert [("retry", RungEnd.CURED)] == await ladder.rungs()


async def test_who_lost_the_lease_climbs_nothing(ladder):
    lost = ladder.work.model_copy(update={"operation": "repair/sim/gpu001/9"})
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(Climbing(ladder.site.deps).climb, lost)
    assert ("LeaseLost", True) == (caught.value.type, caught.value.non_retryable)
