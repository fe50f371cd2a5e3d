"""What an operation does next, state after state, and what people may say of it meanwhile."""

from datetime import timedelta

import pytest

from fleet.errors import Refused
from fleet.models.ledger import RequestState
from fleet.models.operation import OperationState, OperationWork, Said, Word
from fleet.models.work import Outcome
from fleet.policy.operation_orders import speak
from fleet.policy.operation_progress import OperationFacts, overdue, progress
from tests.policy.make import NOW, ago
from tests.policy.operations import asked, operation

S = OperationState
HOUR = timedelta(hours=1)
SOON, LATE = NOW + HOUR, NOW - HOUR


def word(said=Said.DONE, actor="ann"):
    return Word(said=said, actor=actor, reason="it is in", at=NOW)


def step(op, **known):
    return progress(OperationFacts(op=op, now=NOW, needed=HOUR, **known))


def waits(**changes):
    return asked(state=RequestState.WAITING, waits_because="the buffer is full", **changes)


GRANTED = asked(state=RequestState.GRANTED)
TOO_LATE = asked(state=RequestState.GRANTED, granted_at=ago(minutes=1))
HELD = frozenset({"c1/gpu001", "c1/gpu002"})
BACK = {"c1/gpu001": (Outcome.SERVICED, "verified"), "c1/gpu002": (Outcome.HANDED_OVER, "it is slow")}
GIVEN = {"c1/gpu002": (Outcome.GIVEN_BACK, "jobs kept it")}

#   state, what the operation is, what is known: the next state, part of the reason
STEPS = {
    "before its time": (S.SUBMITTED, {"earliest": SOON}, {}, S.SUBMITTED, "begins at 2026-03-01 13:00+00:00"),
    "at its time": (S.SUBMITTED, {"earliest": LATE}, {}, S.ASKING, "asks for its hosts"),
    "cancelled before its time": (S.SUBMITTED, {"word": word(Said.CANCEL)}, {}, S.CANCELLED, "before anything began"),
    "not granted yet": (S.ASKING, {}, {"requests": (waits(),)}, S.ASKING, "the buffer is full"),
    "granted": (S.ASKING, {}, {"requests": (GRANTED,)}, S.PREPARING, "granted: 1 hosts to drain"),
    "granted in one of two clusters": (S.ASKING, {}, {"requests": (GRANTED, waits())}, S.ASKING, "the buffer is full"),
    "granted and cancelled": (S.ASKING, {"word": word(Said.CANCEL)}, {"requests": (GRANTED,)}, S.CANCELLED, "began"),
    "too late": (S.ASKING, {"latest": NOW + HOUR / 2}, {"requests": (waits(),)}, S.EXPIRED, "the buffer is full"),
    "granted at the last moment": (S.ASKING, {"latest": NOW + HOUR / 2}, {"requests": (GRANTED,)}, S.PREPARING, ""),
    "granted too late": (
        S.ASKING,
        {"latest": NOW + HOUR / 2},
        {"requests": (TOO_LATE,)},
        S.EXPIRED,
        "it takes 1h and had to be over by",
    ),
    "drains": (S.PREPARING, {}, {"held": HELD, "ready": {"c1/gpu001"}}, S.PREPARING, "gpu002 not drained yet"),
    "waits for a repair": (
        S.PREPARING,
        {},
        {"held": HELD, "ready": HELD, "not_parked": {"c1/gpu003": "reboot is under way"}},
        S.PREPARING,
        "c1/gpu003 has not parked: reboot is under way",
    ),
    "all is drained": (S.PREPARING, {}, {"held": HELD, "ready": HELD}, S.WORKING, "2 hosts are yours"),
    "a host was given back": (S.PREPARING, {}, {"held": HELD, "ended": GIVEN}, S.CLOSING, "c1/gpu002 was not taken"),
    "works": (S.WORKING, {}, {"held": HELD}, S.WORKING, "waits for the word"),
    "the word": (S.WORKING, {"word": word()}, {"held": HELD}, S.CLOSING, "2 hosts are verified and return"),
    "the word, without a host": (S.WORKING, {"word": word()}, {}, S.DONE, "no host was taken out"),
    "closes": (S.CLOSING, {"word": word()}, {"held": HELD}, S.CLOSING, "2 hosts are verified"),
    "is done": (S.CLOSING, {"word": word()}, {"ended": BACK}, S.DONE, "hosts: 1 handed over, 1 serviced"),
    "has failed": (S.CLOSING, {"word": word(Said.FAILED)}, {"ended": BACK}, S.FAILED, "as failed by ann: it is in"),
    "is cancelled": (S.CLOSING, {"word": word(Said.CANCEL)}, {"ended": BACK}, S.CANCELLED, "cancelled by ann"),
    "is given back": (
        S.CLOSING,
        {"word": word(Said.GIVEN_BACK, "maintrain")},
        {"ended": GIVEN},
        S.GIVEN_BACK,
        "given back by maintrain: it is in; hosts: 1 given back",
    ),
}


@pytest.mark.parametrize("case", STEPS)
def test_an_operation_goes_from_state_to_state(case):
    state, its, known, expected, words = STEPS[case]
    found = step(operation(state, **its), **known)

    assert expected == found.state
    assert words in found.reason


RECIPES = {
    "under way": ({"held": HELD}, S.WORKING),
    "all back": ({"ended": BACK}, S.DONE),
    "none came back": ({"ended": {"c1/gpu001": (Outcome.HANDED_OVER, "dead")}}, S.FAILED),
    "all yielded before it began": ({"ended": GIVEN}, S.GIVEN_BACK),
    "one yielded, one is dead": ({"ended": {**GIVEN, "c1/gpu001": (Outcome.HANDED_OVER, "dead")}}, S.FAILED),
    "one yielded": ({"ended": {**GIVEN, "c1/gpu001": BACK["c1/gpu001"]}}, S.DONE),
}


@pytest.mark.parametrize("case", RECIPES)
def test_what_we_do_ourselves_needs_no_word(case):
    known, expected = RECIPES[case]

    assert expected == step(operation(S.WORKING, work=OperationWork.REBOOT, kind="reboot-host"), **known).state


def test_a_hold_with_a_host_that_is_not_taken_out_is_given_back_in_our_own_name():
    found = step(operation(S.PREPARING), held=HELD, ended=GIVEN)

    assert (Said.GIVEN_BACK, "maintrain") == (found.word.said, found.word.actor)


#   state, what was said before: the word, and the refusal
REFUSED = {
    "done before it began": (S.PREPARING, None, Said.DONE, "its work has not begun"),
    "done while it waits": (S.ASKING, None, Said.DONE, "op/1 is asking"),
    "cancelled when over": (S.DONE, None, Said.CANCEL, "op/1 is over"),
    "what only we say": (S.WORKING, None, Said.GIVEN_BACK, "by nobody else: cancel it"),
    "a second word": (S.CLOSING, word(), Said.FAILED, "has its word: reported as done by ann"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_word_that_comes_at_the_wrong_time_is_refused_with_the_reason(case):
    state, before, said, why = REFUSED[case]
    with pytest.raises(Refused, match=why):
        speak(word(said, "bob"))(operation(state, word=before))


def test_nobody_reports_what_we_do_ourselves():
    with pytest.raises(Refused, match=r"does its work itself \(reboot\)"):
        speak(word())(operation(S.WORKING, work=OperationWork.REBOOT))


def test_the_same_word_again_changes_nothing():
    before = operation(S.CLOSING, word=word())

    assert (before, None) == speak(word().model_copy(update={"at": ago(minutes=-5)}))(before)[:2]


def test_a_word_is_audited_in_the_name_of_who_said_it():
    change = speak(word(Said.CANCEL, "bob"))(operation(S.WORKING))

    assert ("bob", "cancel", "operation op/1", "it is in") == (
        change.audit.actor,
        change.audit.action,
        change.audit.subject,
        change.audit.reason,
    )


def test_only_work_without_a_host_in_our_hands_is_overdue_by_its_own_time():
    op = operation(S.WORKING, begun_at=ago(hours=2))
    facts = OperationFacts(op=op, now=NOW, needed=HOUR)

    assert overdue(op, facts)
    assert not overdue(op, facts.model_copy(update={"held": HELD}))
    assert not overdue(op.model_copy(update={"begun_at": ago(minutes=30)}), facts)
    assert not overdue(op.model_copy(update={"state": S.CLOSING}), facts)
