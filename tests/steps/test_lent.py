"""A host that another measures the fabric with stays out until that is over: it would get jobs in its midst."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from activities.lent import Lent
from activities.verify import Verifying
from fleet.models.verification import VerificationTask
from fleet.models.work import StepAction, StepKind
from tests.scenarios.site import CLUSTER
from tests.steps.other import Other
from tests.steps.site import VISIT, order

FIRST, SECOND = "gpu001", "gpu002"


async def test_a_host_waits_for_the_measurement_that_has_it_as_a_partner(site):
    for host in (FIRST, SECOND):
        await site.drain(host)
        await site.store.ready_for_fabric(VISIT, host, datetime.now(UTC))
    begun, over, partners = asyncio.Event(), asyncio.Event(), {}

    async def measure(task, host, others, *, pool):
        partners[host] = others
        if host == SECOND:
            begun.set()
            await over.wait()
        await begun.wait()
        return await site.hands.verifier.verify(task, host, others, pool=pool)

    hands = replace(site.hands, verifier=Other(site.hands.verifier, verify=measure))
    verifying = Verifying(replace(site.deps, hands={CLUSTER: hands}))
    orders = [order(StepKind.VERIFY, host, VerificationTask.FABRIC) for host in (FIRST, SECOND)]
    both = [asyncio.create_task(site.run(verifying.verify, each)) for each in orders]
    await begun.wait()
    ended, _ = await asyncio.wait(both, timeout=1.5)
    assert not ended

    over.set()
    assert [StepAction.GO_ON] * 2 == [found.action for found in await asyncio.gather(*both)]
    assert {FIRST: (SECOND,), SECOND: (FIRST,)} == partners


async def test_a_measurement_that_breaks_off_counts_on_nobody():
    lent = Lent()
    try:
        async with lent.counted(["a", "b"]), lent.counted(["a"]):
            raise RuntimeError
    except RuntimeError:
        await lent.free("a")
    await lent.free("b")
