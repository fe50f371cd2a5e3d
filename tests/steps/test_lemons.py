"""A host that fails under different versions goes to a person at once, whatever ladder there is; one that is in
production is taken out by its next visit; and a person's word ends it.
"""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.gate import Gating
from activities.hand_over import HandingOver
from activities.trying import record_trials
from activities.visit import Visiting
from fleet.models.audit import AuditEntry
from fleet.models.messages import HandOver, VisitAsked, VisitInput
from fleet.models.rollouts import Trial
from fleet.models.stack import Upgrade
from fleet.models.work import Climb, HostOutcome, HostWork, Outcome, Step, StepAction, StepKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.ladder import HOST, NEEDED, in_force, read_pages, record
from tests.steps.site import VISIT, StepSite, order

BOARDED = ({"nic-firmware": "0.8"}, {"nic-firmware": "0.9"}, {"gpu-driver": "550.0"})
DRIVER = Upgrade(component="gpu-driver", version="550.2")


async def failed_before(site: StepSite, times: int) -> None:
    """Its last visits failed, and those of all others went well."""
    now = await site.store.clock()
    told = [Trial(cluster=CLUSTER, host=f"o{n}", operation=f"v/{n}", at=now, versions={}) for n in range(300)]
    for number, versions in enumerate(BOARDED[:times]):
        at, operation = now - timedelta(days=9 - number), f"visit/before{number}#{HOST}"
        told.append(Trial(cluster=CLUSTER, host=HOST, operation=operation, at=at, versions=versions, failed=True))
    await site.store.record_trials(tuple(told))


async def person_repaired_it(site: StepSite) -> None:
    """A person said so after those failures."""
    await site.store.audit(
        AuditEntry(
            at=await site.store.clock(),
            actor="ann",
            action="host repaired",
            subject=f"host {CLUSTER}/{HOST}",
            reason="a new board",
        )
    )


async def fails_now(site: StepSite) -> HostWork:
    """Its visit ends in a failed verification."""
    await in_force(site, performance=["retry", "reboot"])
    await site.drain(HOST)
    step = Step(key="apply:gpu-driver", kind=StepKind.APPLY, upgrade=DRIVER, expected=timedelta(seconds=1))
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=f"{VISIT}#{HOST}", visit=VISIT, steps=(step,))
    await site.store.save_work(work)
    for done in (record(step="apply:gpu-driver", action="go_on", verification=None), record()):
        await site.store.record_step(done)
    told = HandOver(work=work, reason="performance: failed: GPU 5 is slow")
    return await ActivityEnvironment().run(HandingOver(site.deps).hand_over, told)


async def board(site: StepSite) -> dict[str, list[str]]:
    """The steps of each host that its visit boards."""
    visit = VisitInput(cluster=CLUSTER, pool=POOL, visit=VISIT, domain="d001")
    asked = VisitAsked(ask=1, request=VISIT, granted=True)
    boarded = await ActivityEnvironment().run(Visiting(site.deps).board_hosts, asked, visit)
    return {work.host: [step.key for step in work.steps] for work in boarded.works}


async def test_a_lemon_goes_to_a_person_with_the_numbers_and_no_rung_is_climbed(site):
    read_pages(site)
    await failed_before(site, 2)

    work = await fails_now(site)

    assert (Climb.OFF, [NEEDED]) == (work.climb, site.pages.titles)
    assert "a lemon: gpu001 failed 3 times" in site.pages.bodies[0]


async def test_a_host_that_failed_once_before_is_no_lemon_and_climbs(site):
    read_pages(site)
    await failed_before(site, 1)

    work = await fails_now(site)

    assert (Climb.ON, []) == (work.climb, site.pages.titles)


async def test_what_was_before_a_persons_word_no_longer_counts(site):
    await failed_before(site, 3)
    await person_repaired_it(site)

    work = await fails_now(site)

    assert Climb.ON == work.climb


async def test_a_lemon_in_production_is_only_drained_and_handed_over_by_its_visit(site):
    await failed_before(site, 3)

    steps = await board(site)

    assert ["drain", "gate", "return"] == steps[HOST]
    assert "apply:gpu-driver" in steps["gpu002"]
    await site.drain(HOST)
    ended = await site.run(Gating(site.deps).gate, order(StepKind.GATE, HOST))
    assert StepAction.HAND_OVER == ended.action
    assert "a lemon: gpu001 failed 3 times" in ended.reason


async def test_the_page_of_a_lemon_that_its_gate_hands_over_says_so_once(site):
    read_pages(site)
    await failed_before(site, 3)
    await in_force(site, performance=["retry", "reboot"])
    await site.drain(HOST)
    ended = await site.run(Gating(site.deps).gate, order(StepKind.GATE, HOST))
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=f"{VISIT}#{HOST}", visit=VISIT)

    await ActivityEnvironment().run(HandingOver(site.deps).hand_over, HandOver(work=work, reason=ended.reason))

    assert [1] == [body.split("\n\n")[0].count("a lemon: gpu001 failed 3 times") for body in site.pages.bodies]


async def test_after_a_persons_word_a_visit_boards_as_ever(site):
    await failed_before(site, 3)
    await person_repaired_it(site)

    steps = await board(site)

    assert steps["gpu002"] == steps[HOST]


async def test_people_are_told_once_of_a_new_lemon(site):
    read_pages(site)
    await failed_before(site, 2)
    await fails_now(site)
    outcome = HostOutcome(
        cluster=CLUSTER,
        pool=POOL,
        host=HOST,
        operation=f"{VISIT}#{HOST}",
        visit=VISIT,
        outcome=Outcome.HANDED_OVER,
        reason="performance: failed: GPU 5 is slow",
        at=await site.store.clock(),
    )

    await record_trials(site.deps, CLUSTER, (outcome,))
    await record_trials(site.deps, CLUSTER, (outcome,))

    assert 1 == site.pages.titles.count(f"{CLUSTER}/{HOST} is a lemon")
