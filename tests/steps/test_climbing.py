"""The decision for the next rung, with its book, its page and what people see; and how each rung's end is noted."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.climbing import Climbing
from activities.hand_over import HandingOver
from activities.ladder import ask_again
from activities.returning import Returning
from fleet.models.ladder import Rung
from fleet.models.messages import Command, HandOver
from fleet.models.rungs import LADDER, NextRung, RungEnd
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import Climb, HostWork, Outcome, StepAction, StepKind, StepRecord
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, Pages, order

HOST = "gpu001"
ANN = Command(actor="ann", reason="a new GPU")
NEEDED = f"{CLUSTER}/{HOST} is out of production and needs repair"
LIMITS = {"per_host_per_day": 3, "per_cluster_per_day": 3, "per_rung": 1}


class Bodies(Pages):
    """Keeps what people would read, too."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []

    async def page(self, title: str, body: str) -> None:
        await super().page(title, body)
        self.bodies.append(body)


class Ladder:
    """gpu001 was handed over by its visit, whose verification found it slow, in a cluster with a ladder."""

    def __init__(self, site, work: HostWork) -> None:
        self.site, self.work = site, work

    async def climb(self):
        """Decide, as the workflow does."""
        return await ActivityEnvironment().run(Climbing(self.site.deps).climb, self.work)

    async def tried(self, *records: StepRecord, trouble: str = "GPU 5 is slow") -> None:
        """A try of the last rung came to nothing."""
        number = self.work.tries + 1
        for one in records:
            of_try = one.model_copy(update={"operation": f"{self.work.operation}.{number}"})
            await self.site.store.record_step(of_try)
        self.work = self.work.model_copy(update={"tries": number, "trouble": trouble})

    async def rungs(self) -> list[tuple]:
        """Rungs and their ends."""
        return [(r.name, r.end) for r in await self.site.store.rungs(self.work.operation)]


def record(action: StepAction = StepAction.HAND_OVER, category=Category.PERFORMANCE, **changes) -> StepRecord:
    finding = Finding(category=category, summary="GPU 5 is slow", evidence="61% of the others", provider="gemm")
    verification = Verification(task=VerificationTask.PERFORMANCE, verdict=Verdict.FAILED, findings=(finding,))
    now = datetime.now(UTC)
    values = {
        "cluster": CLUSTER,
        "host": HOST,
        "operation": f"{VISIT}#{HOST}",
        "step": "verify:performance",
        "action": action,
        "reason": "performance: failed: GPU 5 is slow",
        "started": now,
        "ended": now,
        "verification": verification if action is StepAction.HAND_OVER else None,
    }
    return StepRecord(**{**values, **changes})


def read_pages(site) -> None:
    site.pages = Bodies()
    site.deps = replace(site.deps, pager=site.pages)


async def in_force(site, told_after: str = "4h", **ladder) -> None:
    """The same fleet with a ladder."""
    fleet = (await site.store.fleet()).fleet
    document = fleet.model_dump(mode="json")
    document["clusters"][0]["repair"] = {
        "ladder": ladder,
        "limits": {**LIMITS, "told_after": told_after},
        "reflash": {"components": ["nic-firmware"]},
    }
    await site.store.load_fleet(type(fleet).model_validate(document), "the file", "ann", "a ladder", datetime.now(UTC))


async def handed_over(site, led: StepRecord | None = None) -> HostWork:
    await site.drain(HOST)
    await site.store.record_step(led or record())
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=f"{VISIT}#{HOST}", visit=VISIT)
    return await ActivityEnvironment().run(
        HandingOver(site.deps).hand_over, HandOver(work=work, reason="performance: failed: GPU 5 is slow")
    )


@pytest.fixture
async def ladder(site):
    read_pages(site)
    await in_force(site, performance=["retry", "gpu_reset", "reboot", "power_cycle"], unknown=["power_cycle"])
    return Ladder(site, await handed_over(site))


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


async def test_the_dispatcher_pages_for_no_host_that_climbs_and_makes_up_for_a_lost_page_at_the_end(ladder):
    deps, store = ladder.site.deps, ladder.site.store

    async def looks() -> None:
        await ActivityEnvironment().run(ask_again, deps, await store.lease(CLUSTER, HOST))

    await looks()
    await ladder.climb()
    await looks()
    assert [] == ladder.site.pages.titles

    asked = ladder.work.model_copy(update={"tries": 1, "climb": Climb.BARRED})
    await store.climb(asked, datetime.now(UTC), lambda _: NextRung(rung=None, reason="no rung left"))
    await looks()
    await looks()
    assert [NEEDED] == ladder.site.pages.titles


async def lost(ladder: Ladder) -> HostWork:
    """The repair's workflow was ended from outside, and the dispatcher found that out."""
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=ladder.work.operation)
    order = HandOver(work=work, reason="its workflow vanished")
    return await ActivityEnvironment().run(HandingOver(ladder.site.deps).hand_over, order)


async def test_a_ladder_that_stands_still_is_told_once_a_rung(ladder):
    deps, store = ladder.site.deps, ladder.site.store
    await in_force(ladder.site, told_after="1s", performance=["retry", "gpu_reset"])
    told = f"{CLUSTER}/{HOST} is in repair, and its ladder stands still"

    async def looks() -> None:
        await ActivityEnvironment().run(ask_again, deps, await store.lease(CLUSTER, HOST))

    for number in (1, 2):
        await ladder.climb()
        await looks()
        await asyncio.sleep(1.1)
        await looks()
        await looks()
        assert [told] * number == ladder.site.pages.titles
        await ladder.tried(record())
    assert "the rung gpu_reset has been under way for more than 1s" in ladder.site.pages.bodies[1]


async def test_a_finding_that_never_climbs_is_not_forgotten_with_the_repairs_workflow(site):
    read_pages(site)
    await in_force(site, performance=["retry"], unknown=["power_cycle"])
    finding = Finding(category=Category.HARDWARE, summary="NVLink is dead", severity=Severity.ISOLATE)
    verification = Verification(task=VerificationTask.HEALTH, verdict=Verdict.FAILED, findings=(finding,))
    ladder = Ladder(site, await handed_over(site, record(verification=verification)))

    ladder.work = await lost(ladder)

    assert f"{VISIT}#{HOST}" == ladder.work.origin
    assert None is (await ladder.climb()).rung
    assert "somebody must look at the host" in site.pages.bodies[0]


async def test_a_lost_repair_of_which_nothing_is_known_goes_to_a_person(site):
    await in_force(site, unknown=["power_cycle"])
    ladder = Ladder(site, HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=await site.hand_over(HOST)))
    ladder.work = await lost(ladder)
    assert (Climb.BARRED, None) == (ladder.work.climb, (await ladder.climb()).rung)


async def test_a_lost_repair_has_its_one_outcome_at_its_end(ladder):
    ladder.work = await lost(ladder)
    await ActivityEnvironment().run(HandingOver(ladder.site.deps).decommission, ladder.work, ANN)
    told = await ladder.site.store.outcomes(CLUSTER, host=HOST)
    assert [Outcome.DECOMMISSIONED, Outcome.HANDED_OVER] == [o.outcome for o in told]


@pytest.mark.parametrize("word", ["repaired", "decommission", "broke off"])
async def test_a_word_that_ended_the_ladder_is_not_forgotten_with_the_repairs_workflow(ladder, word):
    handing = HandingOver(ladder.site.deps)
    await ladder.climb()
    of_try = ladder.work.model_copy(update={"tries": 1})
    match word:
        case "repaired":
            await ActivityEnvironment().run(handing.plan_repair, of_try, ANN)
        case "decommission":
            gone = ladder.work.model_copy(update={"host": "gpu098"})
            with pytest.raises(ApplicationError):
                await ActivityEnvironment().run(handing.decommission, gone, ANN)
        case _:
            await ActivityEnvironment().run(handing.report_repair, of_try)

    assert Climb.OFF is (await lost(ladder)).climb


async def test_a_repair_whose_workflow_was_ended_goes_on_above_the_rungs_it_climbed(ladder):
    await ladder.climb()
    await ladder.tried(record())
    await ladder.climb()
    again = await lost(ladder)
    assert (2, Climb.ON, ladder.work.operation) == (again.tries, again.climb, again.operation)

    ladder.work = again
    assert Rung.POWER_CYCLE is (await ladder.climb()).rung
    assert [("retry", "failed"), ("gpu_reset", "failed"), ("power_cycle", None)] == await ladder.rungs()


async def test_a_repair_that_came_to_its_end_does_not_climb_again_when_its_workflow_was_ended(ladder):
    ladder.work = ladder.work.model_copy(update={"climb": Climb.BARRED})
    await ladder.climb()
    again = await lost(ladder)
    assert Climb.OFF is again.climb
    assert [NEEDED] == ladder.site.pages.titles
