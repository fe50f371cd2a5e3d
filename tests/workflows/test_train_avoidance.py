"""Requests to keep away that come to a train as updates: refused before they cost history, or answered by rows."""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from fleet.models.avoidance_messages import AvoidOrder, WithdrawOrder
from tests.workflows.test_maintenance_train import WAIT, running

ASKED = {"job": "7", "until": "+2h", "actor": "ann", "reason": "no checkpoint yet"}


async def test_requests_are_answered_and_the_train_plans_anew(bench):
    bench.fakes.on("plan_stop", WAIT)
    train = await running(bench)
    answer = await train.execute_update("avoid", AvoidOrder(**ASKED), id="u1")
    back = await train.execute_update("withdraw", WithdrawOrder(avoidance="7", actor="ann", reason="over"))
    await bench.until(lambda: len(bench.fakes.asked("plan_stop")) >= 2, "it planned anew")

    assert ["kept away until the evening", "withdrawn"] == [answer, back]
    (order,) = [arguments[1] for name, arguments in bench.fakes.calls if name == "avoid"]
    assert ("u1", "7", "+2h") == (order.request, order.job, order.until)


async def test_what_makes_no_sense_is_refused_and_costs_no_history(bench):
    bench.fakes.on("plan_stop", WAIT)
    train = await running(bench)
    wrong = {
        "expected a reason": AvoidOrder(**{**ASKED, "reason": " "}),
        "expected either a job or hosts": AvoidOrder(**{**ASKED, "hosts": ("gpu001",)}),
        "expected a date to come": AvoidOrder(**{**ASKED, "until": "2020-01-01T00:00:00Z"}),
        "expected a date such as": AvoidOrder(**{**ASKED, "until": "soon"}),
        "expected a request of": AvoidOrder(**{**ASKED, "request": "r" * 201}),
        "expected a job's id": AvoidOrder(**{**ASKED, "job": "7" * 201}),
        "expected names of hosts": AvoidOrder(**{**ASKED, "job": "", "hosts": ("gpu001", "$(reboot)")}),
        "expected a user's name": AvoidOrder(**{**ASKED, "user": "a" * 65}),
    }
    found = []
    for order in wrong.values():
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await train.execute_update("avoid", order)
        found.append(str(caught.value.cause))
    with pytest.raises(WorkflowUpdateFailedError, match="Workflow update failed"):
        await train.execute_update("withdraw", WithdrawOrder(avoidance=" ", reason="why"))

    assert [True] * len(wrong) == [why in told for why, told in zip(wrong, found, strict=True)]
    assert [] == bench.fakes.asked("avoid")
