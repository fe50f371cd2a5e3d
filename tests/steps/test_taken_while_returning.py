"""A host that passes its repair while an outsider takes it: it stays in repair, and is verified when it comes back."""

from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError

from activities.returning import Returning
from fleet.models.work import Outcome, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.giving import ANN, HOST, OURS, REPAIR, asked, give_away, in_repair
from tests.steps.losses import Losses
from tests.steps.other import Other
from tests.steps.site import order


@pytest.fixture
async def losses(site):
    found = Losses(site)
    await found.rule(notice=False)
    return found


async def returns(losses, **slowly):
    """Its return, by a scheduler that takes its time."""
    hands = replace(losses.site.hands, scheduler=Other(losses.site.hands.scheduler, **slowly))
    repaired = {"operation": REPAIR, "attempt": 1, "repair": True, "visit": None, "outcome": Outcome.REPAIRED}
    await losses.site.run(
        Returning(replace(losses.site.deps, hands={CLUSTER: hands})).return_host,
        order(StepKind.RETURN, **repaired, reason="it passed"),
    )


async def test_a_host_that_passes_after_the_outsider_has_it_is_not_put_back_into_production(losses):
    work = await in_repair(losses)
    given = await asked(losses)
    await losses.site.store.acknowledge_handover(given.id, "vendor", ANN, await losses.site.store.clock())
    repaired = {"operation": work.operation, "attempt": 1, "repair": True, "visit": None, "outcome": Outcome.REPAIRED}

    with pytest.raises(ApplicationError, match="has passed, and is vendor's by now") as broken:
        await losses.site.run(
            Returning(losses.site.deps).return_host, order(StepKind.RETURN, **repaired, reason="it passed")
        )

    assert broken.value.non_retryable
    assert (OURS, REPAIR) == (
        (await losses.node(HOST)).reason,
        (await losses.site.store.lease(CLUSTER, HOST)).operation,
    )


async def test_a_host_that_the_outsider_takes_while_its_drain_is_being_lifted_is_not_put_back_either(losses):
    """A scheduler may take long to be reached, and is asked again for as long as a boot takes."""
    await in_repair(losses)
    given, store, inner = await asked(losses), losses.site.store, losses.site.hands.scheduler

    async def late(host, owned, fence, *, rebooted):
        await store.acknowledge_handover(given.id, "vendor", ANN, await store.clock())
        return await inner.undrain(host, owned, fence, rebooted=rebooted)

    with pytest.raises(ApplicationError, match="has passed, and is vendor's by now"):
        await returns(losses, undrain=late)

    assert (OURS, REPAIR) == ((await losses.node(HOST)).reason, (await store.lease(CLUSTER, HOST)).operation)


@pytest.mark.parametrize("says", [True, False])
async def test_a_host_that_the_outsider_drains_while_it_returns_is_given_to_them_and_verified_once_it_comes_back(
    losses, says
):
    """By their own drain, too: left to them as another's, it would be in production as soon as they lift that."""
    work = await in_repair(losses)
    given, store, inner = await asked(losses), losses.site.store, losses.site.hands.scheduler

    async def late(host, owned, fence, *, rebooted):
        async def theirs():
            await fence()
            losses.site.world.drain_by_other(HOST, "bob: mine" if says else "vendor at work")
            if says:
                await store.acknowledge_handover(given.id, "vendor", ANN, await store.clock())

        await inner.undrain(host, owned, theirs, rebooted=rebooted)

    with pytest.raises(ApplicationError, match="has passed, and is vendor's by now"):
        await returns(losses, undrain=late)

    assert (HOST,) == (await losses.look()).given
    assert await give_away(losses, work)
    losses.site.world.undrain_by_other(HOST)
    await losses.look()
    assert "came back with nobody holding it" in (await store.lease(CLUSTER, HOST)).why
