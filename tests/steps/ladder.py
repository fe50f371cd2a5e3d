"""A host that its visit handed over, in a cluster with a repair ladder: what the tests of the ladder's book share."""

from dataclasses import replace
from datetime import UTC, datetime

from temporalio.testing import ActivityEnvironment

from activities.climbing import Climbing
from activities.hand_over import HandingOver
from fleet.models.messages import Command, HandOver
from fleet.models.verification import Category, Finding, Verdict, Verification, VerificationTask
from fleet.models.work import HostWork, StepAction, StepRecord
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.site import VISIT, Pages

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


async def lost(ladder: Ladder) -> HostWork:
    """The repair's workflow was ended from outside, and the dispatcher found that out."""
    work = HostWork(cluster=CLUSTER, pool=POOL, host=HOST, operation=ladder.work.operation)
    order = HandOver(work=work, reason="its workflow vanished")
    return await ActivityEnvironment().run(HandingOver(ladder.site.deps).hand_over, order)
