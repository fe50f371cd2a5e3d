import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.ledger import Autostop
from fleet.models.pool import AutostopPolicy
from fleet.models.verification import Category, Finding, Verdict, Verification, VerificationTask
from fleet.policy.verifying import (
    VerifyNext,
    after_verification,
    counts_as_inconclusive,
    is_paused,
    pause_for_inconclusive,
)
from tests.host_policy.build import pool


def answer(verdict):
    finding = Finding(category=Category.HARDWARE, summary="row remap pending")
    findings = () if verdict is Verdict.PASSED else (finding,)
    return Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=findings)


@pytest.mark.parametrize(
    ("verdict", "before", "expected"),
    [
        (Verdict.PASSED, 0, (VerifyNext.GO_ON, False)),
        (Verdict.PASSED, 1, (VerifyNext.GO_ON, False)),
        (Verdict.FAILED, 0, (VerifyNext.HAND_OVER, False)),
        (Verdict.FAILED, 1, (VerifyNext.HAND_OVER, False)),
        (Verdict.INCONCLUSIVE, 0, (VerifyNext.AGAIN, False)),
        (Verdict.INCONCLUSIVE, 1, (VerifyNext.HAND_OVER, True)),
    ],
)
def test_what_follows_from_a_verification(verdict, before, expected):
    found = after_verification(answer(verdict), before)
    assert (found.next, found.pause_train) == expected


@pytest.mark.parametrize(
    ("partnerless", "repair", "pauses"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, False)],
)
def test_only_a_repair_that_found_no_partner_leaves_the_train_alone(partnerless, repair, pauses):
    found = answer(Verdict.INCONCLUSIVE).model_copy(update={"partnerless": partnerless})
    decision = after_verification(found, 1, repair=repair)
    assert (VerifyNext.HAND_OVER, pauses) == (decision.next, decision.pause_train)
    assert pauses == counts_as_inconclusive(found, repair=repair)


def test_only_inconclusive_answers_count_as_such():
    assert not counts_as_inconclusive(answer(Verdict.FAILED), repair=False)


def test_a_failed_verification_is_handed_over_with_its_finding():
    assert after_verification(answer(Verdict.FAILED), 0).reason == "health: failed: row remap pending"


def test_an_inconclusive_one_says_that_it_counts_against_nothing():
    assert "counts against neither host nor upgrade" in after_verification(answer(Verdict.INCONCLUSIVE), 1).reason


@given(st.sampled_from(Verdict), st.integers(0, 5))
def test_only_a_pass_goes_on(verdict, before):
    assert (after_verification(answer(verdict), before).next is VerifyNext.GO_ON) == (verdict is Verdict.PASSED)


def test_so_many_inconclusive_hosts_pause_the_train():
    train = pool(autostop=AutostopPolicy(inconclusive_hosts=3))
    assert pause_for_inconclusive(2, train) is None
    assert pause_for_inconclusive(3, train).reason == (
        "3 hosts of gpu-train have inconclusive verifications (3 pause the train)"
    )


@pytest.mark.parametrize(
    ("autostop", "expected"),
    [
        (None, False),
        (Autostop(reason=""), False),
        (Autostop(reason="resumed by ann: fixed"), False),
        (Autostop(stopped=True, reason="2 hosts failed, failure buffer 2"), False),
        (Autostop(stopped=True, reason="paused: gpu001: health: inconclusive, twice in a row"), True),
    ],
)
def test_a_pause_is_in_force_until_an_operator_resumes(autostop, expected):
    assert is_paused(autostop) == expected
