"""Works and visits for tests, each test with a cluster of its own, so that ids and task queues are apart."""

from collections.abc import Sequence
from datetime import timedelta

from fleet import ids
from fleet.models.messages import Command, VisitInput
from fleet.models.stack import Upgrade
from fleet.models.verification import VerificationTask
from fleet.models.work import HostWork, Step, StepKind

ORDER = Command(actor="ann", reason="the fan was replaced")


def step(key: str, *, safe: bool = True) -> Step:
    """A step by its key: `drain`, `apply:nic`, `reboot`, `verify:health`, `gate`, `return`."""
    kind, _, what = key.partition(":")
    return Step(
        key=key,
        kind=StepKind(kind),
        upgrade=Upgrade(component=what, version="2.0") if kind == "apply" else None,
        task=VerificationTask(what) if kind == "verify" else None,
        safe_before=safe,
        expected=timedelta(seconds=1),
    )


def visit_steps() -> tuple[Step, ...]:
    """Two upgrades with a safe point between them, a reboot that must follow."""
    return (
        step("drain"),
        step("apply:nic"),
        step("apply:driver"),
        step("reboot", safe=False),
        step("verify:health"),
        step("gate"),
        step("return"),
    )


def repair_steps() -> tuple[Step, ...]:
    return (step("verify:health"), step("gate"), step("return"))


def visit_of(cluster: str) -> VisitInput:
    return VisitInput(cluster=cluster, pool="gpu", visit=ids.visit(cluster, "gpu", 1, "rack1", 1), domain="rack1")


def work_on(
    cluster: str, host: str = "gpu001", steps: Sequence[Step] | None = None, visit: str | None = None
) -> HostWork:
    return HostWork(
        cluster=cluster,
        pool="gpu",
        host=host,
        operation=ids.operation(visit or "visit", host),
        visit=visit,
        steps=visit_steps() if steps is None else tuple(steps),
    )
