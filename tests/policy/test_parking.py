"""When whoever holds a host of an operation's scope counts as parked."""

from datetime import timedelta

from fleet.models.host import HostSet
from fleet.models.ledger import Counted
from fleet.models.operation_part import Parking
from fleet.policy.parking import not_parked, parked
from fleet.policy.stopping import Proceed
from tests.policy.make import NOW, ago, lease

LIFE = timedelta(seconds=5)
REPAIR = lease("gpu001", holder="host/c1/gpu001", counted=Counted.FAILED)
FAILED, UP = (HostSet.FAILED, "host/c1/gpu001", "slow"), (HostSet.UP, None, "in production")


def told(where=FAILED, held=REPAIR, effect=None, seconds=60):
    return not_parked(where, held, effect, ago(seconds=seconds), NOW, LIFE)


def test_who_has_passed_a_fence_just_before_may_still_be_sending():
    assert "told just now" == told(seconds=5)


def test_an_effect_that_was_sent_is_waited_for():
    assert "reboot is under way" == told(effect="reboot")


def test_once_both_are_over_it_has_parked():
    assert "" == told()


def test_what_nobody_of_ours_holds_has_parked_while_it_is_out():
    assert "" == told(where=(HostSet.FOREIGN, "bob", "drained by another"), held=None)


def test_a_host_that_came_back_by_itself_holds_the_work_up():
    assert told(where=UP, held=None).startswith("it is in production again, in nobody's hands")


def test_who_parks_waits_and_asks_again():
    answer = parked(Parking(operation="op/1", since=NOW))

    assert (Proceed.HOLD, "parked for op/1, which works on its scope since 2026-03-01 12:00:00+00:00") == (
        answer.answer,
        answer.reason,
    )
