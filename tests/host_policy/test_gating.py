import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import HostState
from fleet.models.stack import Upgrade
from fleet.models.verification import Verdict, VerificationTask
from fleet.models.work import StepAction
from fleet.policy.compatibility import Allowed
from fleet.policy.draining import Drained, DrainState
from fleet.policy.gating import GateFacts, gate
from tests.host_policy.build import PINS

PASSED = dict.fromkeys(VerificationTask, Verdict.PASSED)
FINE = Allowed(allowed=True, reason="covered")
NOT_FINE = Allowed(allowed=False, reason="gpu-driver 9 is not tested with cuda 12.4")


def facts(state=DrainState.DRAINED, **changes):
    values = {
        "host": "gpu001",
        "owned_reason": "maintrain:planned:op",
        "drained": Drained(state=state, reason=f"it is {state}"),
        "versions": {"bmc": "1.1", **PINS},
        "allowed": FINE,
        "verifications": PASSED,
        "required": tuple(VerificationTask),
        "touched": True,
        "boarded": (Upgrade(component="bmc", version="1.1"),),
        "pins": PINS,
    }
    return GateFacts(**{**values, **changes})


UNTOUCHED = {"touched": False, "verifications": {}, "versions": None, "allowed": NOT_FINE}


def test_a_verified_and_allowed_host_returns():
    found = gate(facts())
    assert (found.action, found.host_state) == (StepAction.GO_ON, HostState.DRAINED)
    assert found.reason == "gpu001 carries 1 boarded upgrade(s), is allowed, and passed health, performance, fabric"


@pytest.mark.parametrize("state", [DrainState.DRAINED, DrainState.DRAINING, DrainState.UNDRAINED])
def test_an_untouched_host_returns_without_verification(state):
    found = gate(facts(state, **UNTOUCHED))
    assert (found.action, found.host_state) == (StepAction.GO_ON, HostState.UNTOUCHED)


def test_an_untouched_host_under_anothers_drain_is_left_alone():
    assert gate(facts(DrainState.FOREIGN, **UNTOUCHED)).action is StepAction.LEAVE


@pytest.mark.parametrize("state", [DrainState.DOUBTFUL, DrainState.DOWN])
def test_an_untouched_host_that_is_not_seen_to_be_well_does_not_return(state):
    assert gate(facts(state, **UNTOUCHED)).action is StepAction.HAND_OVER


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versions": None}, "gpu001: its versions can't be read back"),
        ({"allowed": NOT_FINE}, f"gpu001: its versions are not allowed: {NOT_FINE.reason}"),
        ({"verifications": {**PASSED, "fabric": Verdict.FAILED}}, "gpu001: fabric is failed, and nothing returns"),
        ({"verifications": {**PASSED, "health": Verdict.INCONCLUSIVE}}, "gpu001: health is inconclusive, and nothing"),
        ({"verifications": {}}, "gpu001: health is not run, and nothing returns unverified"),
        ({"required": ()}, "gpu001: no verification is named that could vouch for it"),
        ({"versions": {"bmc": "1.0", **PINS}}, "gpu001: bmc: expected 1.1, the host carries 1.0"),
        ({"versions": PINS}, "gpu001: bmc: expected 1.1, the host carries no version"),
        ({"versions": {"bmc": "1.1", **PINS, "cuda": "12.5"}}, "gpu001: cuda is pinned at 12.4, the host carries 12.5"),
        ({"versions": {"bmc": "1.1", "nccl": "2.20"}}, "gpu001: cuda is pinned at 12.4, the host carries no known"),
    ],
)
def test_a_touched_host_with_any_gap_is_handed_over_with_the_reason(changes, reason):
    found = gate(facts(**changes))
    assert (found.action, found.reason[: len(reason)]) == (StepAction.HAND_OVER, reason)


@pytest.mark.parametrize(
    "given",
    [
        facts(DrainState.DOUBTFUL),
        facts(DrainState.DRAINING),
        facts(allowed=NOT_FINE),
        facts(verifications={**PASSED, "health": Verdict.INCONCLUSIVE}),
        facts(required=()),
        facts(versions={"bmc": "1.1", **PINS, "cuda": "12.5"}),
        facts(DrainState.UNDRAINED, verifications={}),
        facts(lemon="it failed under three versions"),
    ],
)
def test_a_hand_over_that_no_upgrade_brought_about_speaks_against_none(given):
    assert gate(given).blameless


@pytest.mark.parametrize(
    "given",
    [
        facts(DrainState.DOWN),
        facts(versions=None),
        facts(versions={"bmc": "1.0", **PINS}),
        facts(versions={"bmc": "1.0", **PINS}, allowed=NOT_FINE),
        facts(verifications={**PASSED, "fabric": Verdict.FAILED}),
    ],
)
def test_a_host_that_is_down_silent_failed_or_without_its_upgrade_may_be_so_by_that(given):
    assert not gate(given).blameless


def test_a_host_that_stopped_early_returns_with_what_it_has_if_that_is_allowed():
    old = {"versions": {"bmc": "1.0", **PINS}, "stopped_early": True}
    assert gate(facts(**old)).action is StepAction.GO_ON
    assert gate(facts(**old, allowed=NOT_FINE)).action is StepAction.HAND_OVER


def test_a_verified_host_under_anothers_drain_stays_under_theirs():
    found = gate(facts(DrainState.FOREIGN))
    assert (found.action, "stays under the other's drain" in found.reason) == (StepAction.LEAVE, True)


def test_an_unverified_host_under_anothers_drain_is_handed_over():
    assert gate(facts(DrainState.FOREIGN, verifications={})).action is StepAction.HAND_OVER


def test_undrained_by_another_while_changed_is_told_as_such():
    found = gate(facts(DrainState.UNDRAINED, verifications={}))
    assert (found.action, "undrained by another while changed" in found.reason) == (StepAction.HAND_OVER, True)


def test_undrained_by_another_once_verified_is_a_return():
    assert gate(facts(DrainState.UNDRAINED)).action is StepAction.GO_ON


@pytest.mark.parametrize("state", [DrainState.DOUBTFUL, DrainState.DOWN, DrainState.DRAINING])
def test_a_touched_host_whose_drain_is_in_doubt_does_not_return(state):
    found = gate(facts(state))
    assert (found.action, found.host_state) == (StepAction.HAND_OVER, HostState.UNKNOWN)


versions = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "bmc": st.sampled_from(["1.0", "1.1"]),
        "cuda": st.sampled_from(["12.4", "12.5"]),
        "nccl": st.just("2.20"),
    },
)
verdicts = st.fixed_dictionaries({}, optional={t.value: st.sampled_from(Verdict) for t in VerificationTask})
every_facts = st.builds(
    facts,
    st.sampled_from(DrainState),
    versions=st.just({"bmc": "1.1", **PINS}) | versions,
    allowed=st.sampled_from([FINE, NOT_FINE]),
    verifications=st.just(PASSED) | verdicts,
    required=st.just(tuple(VerificationTask)) | st.just((VerificationTask.HEALTH,)) | st.just(()),
    touched=st.booleans(),
    stopped_early=st.booleans(),
)


@given(every_facts)
def test_nothing_that_was_touched_returns_unverified(seen):
    if seen.touched and gate(seen).action is StepAction.GO_ON:
        assert seen.required
        assert {seen.verifications.get(t) for t in seen.required} == {Verdict.PASSED}


@given(every_facts)
def test_nothing_returns_in_doubt(seen):
    if gate(seen).action is StepAction.GO_ON:
        assert seen.drained.state not in (DrainState.DOUBTFUL, DrainState.DOWN)
        assert not seen.touched or (seen.versions is not None and seen.allowed.allowed)


@given(every_facts)
def test_nothing_under_anothers_drain_is_undrained(seen):
    if seen.drained.state is DrainState.FOREIGN:
        assert gate(seen).action in (StepAction.LEAVE, StepAction.HAND_OVER)


@given(every_facts)
def test_nothing_that_was_touched_returns_with_a_job_facing_version_off_its_pin(seen):
    if seen.touched and gate(seen).action in (StepAction.GO_ON, StepAction.LEAVE):
        assert {n: seen.versions.get(n) for n in PINS} == PINS


@given(every_facts)
def test_every_answer_of_the_gate_has_its_reason(seen):
    found = gate(seen)
    assert found.reason.startswith("gpu001")
    assert found.action in (StepAction.GO_ON, StepAction.LEAVE, StepAction.HAND_OVER)
