"""A host's steps in a pin switch, there and back, and what a person may order."""

from datetime import timedelta

import pytest

from fleet.errors import Refused
from fleet.models.fleetfile import FleetFile
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.messages import Command
from fleet.models.pin import PinState
from fleet.policy.pin_orders import PinVerb, pin_order
from fleet.policy.pin_revision import with_targets
from fleet.policy.pin_steps import batch_size, left_open, never_sent, reached, steps_back, steps_there
from tests.host_policy.build import NOW, cluster, pool
from tests.host_policy.test_pin_progress import SPEC, switch

TOGETHER = {"gpu-driver": "560.1", "kernel": "6.8.0", "nccl": "2.22"}
ANN = Command(actor="ann", reason="now")


def intent(step: str, version: str | None = "1.0", state: IntentState = IntentState.DONE) -> Intent:
    before = Before(version=version)
    return Intent(operation="o", step=step, token="t", before=before, state=state, opened_at=NOW, token_at=NOW)


def keys(steps):
    return [step.key for step in steps]


def test_a_host_is_drained_moved_deepest_first_rebooted_if_need_be_and_verified():
    assert ["drain", "apply:nccl", "verify:health", "verify:performance", "verify:fabric", "gate"] == keys(
        steps_there(cluster(), pool(), {"nccl": "2.22"})
    )
    assert ["drain", "apply:kernel", "apply:gpu-driver", "apply:nccl", "reboot"] == keys(
        steps_there(cluster(), pool(), TOGETHER)
    )[:5]


def test_the_way_back_undoes_what_was_begun_the_last_first():
    begun = (intent("drain", None), intent("apply:kernel", "6.1.0"), intent("apply:nccl", None, IntentState.FAILED))
    found = steps_back(cluster(), pool(), TOGETHER, {"nccl": "2.20"}, begun)
    assert ["apply:nccl:back", "apply:kernel:back", "reboot:back", "verify:health:back"] == keys(found)[:4]
    assert ["gate:back"] == keys(found)[-1:]
    assert [("nccl", "2.20"), ("kernel", "6.1.0")] == [(u.component, u.version) for u in reached(found)]
    assert all(step.back and not step.safe_before for step in found)


def test_a_host_that_was_not_changed_has_no_way_to_go_back():
    withdrawn = intent("apply:nccl", None, IntentState.WITHDRAWN)
    assert () == steps_back(cluster(), pool(), TOGETHER, {"nccl": "2.20"}, (intent("drain", None), withdrawn))


def test_a_component_whose_version_was_not_known_before_has_no_way_back():
    assert None is steps_back(cluster(), pool(), TOGETHER, {"nccl": "2.20"}, (intent("apply:kernel", None),))


def test_a_change_there_of_which_nobody_told_how_it_ended_has_its_components_time():
    unsent = intent("apply:nic", "28.39", IntentState.OPEN).model_copy(update={"sent": False})
    begun = (
        intent("drain", None, IntentState.OPEN),
        intent("apply:kernel", "6.1.0"),
        intent("apply:nccl", "2.20", IntentState.OPEN),
        unsent,
        intent("apply:gpu-driver:back", "560.1", IntentState.OPEN),
        intent("apply:gpu-driver", "550.1", IntentState.WITHDRAWN),
    )
    nccl = cluster().stack.component("nccl")
    assert (("apply:nccl", nccl.ends_within),) == tuple((i.step, t) for i, t in left_open(cluster(), begun))
    assert (unsent,) == never_sent(begun)


@pytest.mark.parametrize(("components", "hosts"), [(1, 80), (4, 78), (8, 52), (40, 14)])
def test_a_batch_is_as_small_as_its_one_run_needs_it(components, hosts):
    assert hosts == batch_size(components)


def test_the_fleet_file_gets_the_pin_and_wants_what_moved_with_it():
    spec = SPEC.model_copy(update={"together": {"gpu-driver": "560.1"}})
    east = cluster(pools=(pool(desired={"gpu-driver": "550.90", "bmc": "1.2"}),))
    found = with_targets(FleetFile(version=1, clusters=(east,)), spec).clusters[0]
    assert {"cuda": "12.4", "nccl": "2.22"} == found.pins
    assert "560.1" == found.desired["gpu-driver"]
    assert {"gpu-driver": "560.1", "bmc": "1.2"} == found.pools[0].desired


def test_an_approval_and_an_abort_are_written_with_who_and_why():
    approved = pin_order(ANN, PinVerb.APPROVE, NOW)(switch(PinState.ASKING))
    assert "ann" == approved.switch.approved_by
    aborted = pin_order(ANN, PinVerb.ABORT, NOW)(switch(PinState.MOVING))
    assert "aborted by ann: now" == aborted.switch.aborted
    assert ("pin abort", "pin switch pin/east/nccl/1") == (aborted.audit.action, aborted.audit.subject)


REFUSED = [
    (PinVerb.APPROVE, {"state": PinState.CHECKING}, "is checking: it asks for an approval once every host is prepared"),
    (PinVerb.APPROVE, {"state": PinState.PREPARING}, "is preparing: it asks for an approval"),
    (PinVerb.APPROVE, {"state": PinState.ASKING, "approved_by": "bob"}, "was approved by bob"),
    (PinVerb.APPROVE, {"state": PinState.DONE, "reason": "it is done"}, "is over: it is done"),
    (PinVerb.ABORT, {"state": PinState.MOVING, "aborted": "aborted by bob: x"}, "was aborted before"),
    (PinVerb.ABORT, {"state": PinState.RELEASING}, "is past the point where it could go back"),
    (PinVerb.ABORT, {"state": PinState.LATE}, "is past the point where it could go back"),
]


@pytest.mark.parametrize(("verb", "facts", "why"), REFUSED)
def test_an_order_that_comes_too_late_is_refused_with_the_reason(verb, facts, why):
    with pytest.raises(Refused, match=why):
        pin_order(ANN, verb, NOW)(switch(**facts))


@pytest.mark.parametrize("clear", [timedelta(minutes=30), timedelta(hours=1)])
def test_jobs_can_not_have_the_whole_window(clear):
    with pytest.raises(ValueError, match="expected less than the window"):
        SPEC.model_validate({**SPEC.model_dump(), "clear_within": clear})
