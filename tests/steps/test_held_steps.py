"""A step that waits for a freeze's end, or for the outside world, keeps its drain meanwhile; a rung's wait has an end
where the scheduler can't tell what the host is, and gives way to a person's word while nothing has begun.
"""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.gpu_reset import GpuResetting
from activities.reboot import Rebooting
from activities.returning import Returning
from activities.verify import Verifying
from activities.word import Words
from drivers.registry import OpenDrivers
from fleet.errors import Unreachable
from fleet.models.intent import Before
from fleet.models.messages import Command
from fleet.models.scheduler import NodeBase
from fleet.models.stop import Stop, StopKind
from fleet.models.verification import VerificationTask
from fleet.models.work import HostWork, Outcome, Step, StepAction, StepKind, StepOrder
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.other import Other
from tests.steps.site import StepSite, order

HOST = "gpu001"
ANN = Command(actor="ann", reason="a new board")


async def frozen(site: StepSite) -> None:
    stop = Stop(kind=StopKind.FREEZE, cluster=CLUSTER, actor="ann", reason="storm", at=datetime.now(UTC))
    await site.store.set_stop(stop)


async def fails(site: StepSite, body, of: StepOrder) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await site.run(body, of)
    return caught.value


def rung(operation: str, kind: StepKind = StepKind.REBOOT) -> StepOrder:
    step = Step(key=f"rung:{kind}", kind=kind, expected=timedelta(seconds=1), rung=True)
    return order(kind, HOST, operation=operation, repair=True, attempt=1, visit=None, step=step)


async def say(site: StepSite, of: StepOrder) -> None:
    """A person's word, passed on to a step that is under way."""
    await ActivityEnvironment().run(Words(site.deps).note_word, of, ANN)


async def test_a_rung_that_a_freeze_holds_drains_its_host_again(site):
    operation = await site.hand_over(HOST)
    await frozen(site)
    site.world.undrain_by_other(HOST)

    error = await fails(site, Rebooting(site.deps).reboot, rung(operation))

    assert ("Frozen", True) == (error.type, await site.drained(HOST))


async def test_a_step_in_mid_visit_that_a_freeze_holds_drains_its_host_again(site):
    await site.drain()
    await site.touch()
    await frozen(site)
    site.world.undrain_by_other(HOST)
    step = Step(key="reboot", kind=StepKind.REBOOT, safe_before=False, expected=timedelta(seconds=1))

    error = await fails(site, Rebooting(site.deps).reboot, order(StepKind.REBOOT, step=step))

    assert ("Frozen", True) == (error.type, await site.drained(HOST))


async def test_a_step_that_is_tried_again_drains_its_host_before(site):
    operation = await site.hand_over(HOST)
    site.world.undrain_by_other(HOST)

    async def silent(*_):
        raise Unreachable("no answer")

    boot = await site.hands.hardware.boot_id(HOST)
    of = rung(operation)
    await site.store.open_intent(of.record, of.step.key, "a dead attempt", Before(boot_id=boot), datetime.now(UTC))
    hardware = Other(site.hands.hardware, boot_id=silent)
    site.deps.hands[CLUSTER] = OpenDrivers(site.hands.scheduler, hardware, site.hands.verifier)

    error = await fails(site, Rebooting(site.deps).reboot, of)

    assert ("Unreachable", True) == (error.type, await site.drained(HOST))


async def test_a_return_that_is_tried_again_does_not_drain_the_verified_host(site):
    operation = await site.hand_over(HOST)
    of = order(StepKind.RETURN, HOST, operation=operation, repair=True, attempt=1, visit=None, reason="it passed")

    async def unheard(host, owned, fence, **_):
        await fence()
        site.world.undrain_by_other(HOST)
        raise Unreachable("the answer was lost")

    site.deps.hands[CLUSTER] = OpenDrivers(
        Other(site.hands.scheduler, undrain=unheard), site.hands.hardware, site.hands.verifier
    )
    error = await fails(site, Returning(site.deps).return_host, of.model_copy(update={"outcome": Outcome.REPAIRED}))

    assert ("Unreachable", False) == (error.type, await site.drained(HOST))


def doubting(site: StepSite, base: NodeBase | None) -> None:
    """The scheduler answers, with a node in that state, or without the node."""
    real = site.hands.scheduler

    async def view(**named):
        seen = await real.view(**named)
        nodes = {name: node for name, node in seen.nodes.items() if name != HOST}
        if base is not None:
            nodes[HOST] = seen.nodes[HOST].model_copy(update={"base": base})
        return seen.model_copy(update={"nodes": nodes})

    site.deps.hands[CLUSTER] = OpenDrivers(Other(real, view=view), site.hands.hardware, site.hands.verifier)


async def back_within(site: StepSite, seconds: float) -> None:
    fleet = (await site.store.fleet()).fleet
    cluster = fleet.clusters[0].model_copy(update={"host_back_within": timedelta(seconds=seconds)})
    changed = fleet.model_copy(update={"clusters": (cluster,)})
    await site.store.load_fleet(changed, "the file", "ann", "shorter", datetime.now(UTC))


@pytest.mark.parametrize(
    ("base", "words"), [(None, "the scheduler does not list gpu001"), (NodeBase.UNKNOWN, "the node's state is")]
)
async def test_a_rung_on_a_host_that_the_scheduler_does_not_know_ends_at_a_person(site, base, words):
    operation = await site.hand_over(HOST)
    doubting(site, base)
    error = await fails(site, GpuResetting(site.deps).gpu_reset, rung(operation, StepKind.GPU_RESET))
    assert "BadAnswer" == error.type

    await back_within(site, 0)
    found = await site.run(GpuResetting(site.deps).gpu_reset, rung(operation, StepKind.GPU_RESET))

    assert StepAction.LEAVE is found.action
    assert words in found.reason


async def test_jobs_on_a_host_that_was_undrained_do_not_keep_the_rung_from_hearing_a_person(site):
    operation = await site.hand_over(HOST)
    site.world.undrain_by_other(HOST)
    site.world.submit_job(hosts=(HOST,))
    of = rung(operation)

    error = await fails(site, Rebooting(site.deps).reboot, of)
    assert ("BadAnswer", True) == (error.type, await site.drained(HOST))
    await say(site, of)

    assert StepAction.HAND_OVER is (await site.run(Rebooting(site.deps).reboot, of)).action


async def test_a_rung_that_a_freeze_holds_gives_way_to_a_persons_word(site):
    operation = await site.hand_over(HOST)
    await frozen(site)
    of = rung(operation)
    await say(site, of)

    found = await site.run(Rebooting(site.deps).reboot, of)

    assert (StepAction.HAND_OVER, "a person spoke before it began") == (found.action, found.reason)


async def test_what_may_have_begun_does_not_give_way_to_a_persons_word(site):
    operation = await site.hand_over(HOST)
    of = rung(operation)
    boot = await site.hands.hardware.boot_id(HOST)
    await site.store.open_intent(of.record, of.step.key, "a dead attempt", Before(boot_id=boot), datetime.now(UTC))
    await say(site, of)

    async def silent(*_):
        raise Unreachable("no answer")

    hardware = Other(site.hands.hardware, boot_id=silent)
    site.deps.hands[CLUSTER] = OpenDrivers(site.hands.scheduler, hardware, site.hands.verifier)

    assert "Unreachable" == (await fails(site, Rebooting(site.deps).reboot, of)).type


async def test_a_verification_that_can_not_begin_gives_way_to_a_persons_word(site):
    operation = await site.hand_over(HOST)
    doubting(site, None)
    of = order(StepKind.VERIFY, HOST, VerificationTask.HEALTH, operation=operation, repair=True, attempt=1, visit=None)
    assert "BadAnswer" == (await fails(site, Verifying(site.deps).verify, of)).type
    await say(site, of)

    assert StepAction.HAND_OVER is (await site.run(Verifying(site.deps).verify, of)).action


async def test_a_persons_word_in_mid_rung_is_in_the_book(site):
    operation = await site.hand_over(HOST)
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=operation)
    await say(site, rung(operation))
    await say(site, rung(operation))

    (found,) = await site.store.rungs(work.operation)
    assert ("person", "ann: a new board") == (found.name, found.reason)
