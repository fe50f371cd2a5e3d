"""Hosts that go down in production get a repair by themselves, once it is certain, and not too many."""

from datetime import timedelta

import pytest

from fleet.models.notice_rule import NoticeRule
from fleet.models.scheduler import NodeBase
from fleet.models.stop import StopKind
from fleet.policy.noticing import lost
from tests.policy.make import GLOBS, names, node, stop
from tests.policy.noticing import Looks

DOWN = NodeBase.DOWN
NHC = {"draining": True, "reason": "NHC: no GPU 3"}


def test_a_host_that_goes_down_gets_a_repair_once_it_was_seen_so_often_and_long_enough():
    looks = Looks()
    looks.lose("gpu001")
    expected = [[], [], ["gpu001"], []]
    assert expected == [[o.host for o in looks.look().opens] for _ in range(4)]


def test_a_lost_host_that_a_load_puts_into_another_pool_gets_its_repair_there():
    looks = Looks()
    there = looks.hosts
    looks.hosts = [h.model_copy(update={"pool": "one that is dropped"}) for h in there]
    looks.lose("gpu001")
    assert [] == looks.looks(2)
    looks.hosts = there
    assert ["gpu001"] == looks.looks(2)
    assert "gpu-train" == looks.losses["gpu001"].pool


def test_the_reason_of_an_opened_repair_tells_what_was_seen_and_for_how_long():
    looks = Looks()
    looks.lose("gpu001")
    opened = [o for _ in range(3) for o in looks.look().opens]
    expected = ("it went down in production and has been silent for 1m: Not responding", "Not responding")
    assert [expected] == [(o.reason, o.found) for o in opened]


def test_a_host_that_is_silent_for_one_look_opens_nothing():
    looks = Looks()
    for _ in range(5):
        looks.lose("gpu001")
        assert [] == looks.looks(2)
        looks.find("gpu001")
        assert [] == looks.looks(1)
    assert {} == looks.losses


def test_looks_that_failed_and_looks_judged_before_tell_nothing():
    looks = Looks(rule=NoticeRule(failed_for="0s", looks=2))
    looks.lose("gpu001")
    assert [] == looks.looks(1)
    assert [(), ()] == [looks.look(again=True).opens, looks.look(error="no answer").opens]
    assert ["gpu001"] == looks.looks(1)


def test_a_clock_that_was_put_back_keeps_no_loss_from_being_noticed():
    looks = Looks()
    looks.lose("gpu001")
    looks.lose("gpu002")
    assert [] == looks.looks(2)
    looks.now -= timedelta(hours=1)
    looks.lose("gpu003")
    assert [[], ["gpu001", "gpu002"], ["gpu003"]] == [[o.host for o in looks.look().opens] for _ in range(3)]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"base": DOWN}, ""),
        ({"base": DOWN, "reason": "Not responding"}, ""),
        ({"base": DOWN, "reason": "Node unexpectedly rebooted"}, ""),
        ({"base": DOWN, "reason": "bob: bad disk"}, None),
        ({"base": DOWN, "draining": True, "reason": "bob: bad disk"}, None),
        ({"not_responding": True}, ""),
        ({"draining": True, "reason": "NHC: no GPU 3"}, "NHC: no GPU 3"),
        ({"draining": True, "reason": "bob: bad disk"}, None),
        ({"draining": True}, None),
    ],
)
def test_only_what_nobody_took_out_or_what_means_failed_is_a_loss(shown, expected):
    assert expected == lost(node("gpu001", **shown), GLOBS)


def test_a_host_that_a_person_set_down_stays_that_persons():
    looks = Looks()
    looks.lose("gpu001", base=DOWN, reason="bob: bad disk")
    assert [] == looks.looks(10)


def test_a_host_that_its_repair_left_under_a_health_checks_drain_is_not_sent_there_again():
    looks = Looks()
    looks.lose("gpu001", **NHC)
    assert ["gpu001"] == looks.looks(4)
    looks.leased.clear()
    assert [] == looks.looks(20)
    assert {} == looks.look().waiting

    looks.find("gpu001")
    looks.looks(1)
    looks.lose("gpu001", **NHC)
    assert ["gpu001"] == looks.looks(4)


def test_a_host_that_fails_again_after_its_repair_gets_another():
    looks = Looks()
    looks.lose("gpu001")
    assert ["gpu001"] == looks.looks(4)
    looks.leased.clear()
    assert ["gpu001"] == looks.looks(4)


def test_many_losses_at_once_trip_the_breaker_and_it_closes_on_them_by_itself():
    looks = Looks()
    looks.lose(*names(4))
    noticed = looks.look()

    assert looks.tripped
    assert {"4 hosts were lost within 1m, more than 3"} == {b.reason for b in noticed.breakers.values()}
    assert [] == looks.looks(19)
    assert names(4) == looks.looks(2)
    assert not looks.tripped


def test_a_whole_rack_trips_the_breaker_and_hosts_of_several_racks_do_not():
    for racks, tripped in ((4, True), (6, False)):
        looks = Looks(racks=racks)
        looks.lose(*[h.name for h in looks.hosts if h.rack == "r1"][:3], *(["gpu001"] if racks == 6 else []))
        looks.look()
        assert tripped is looks.tripped


def test_single_failures_pass_and_too_many_of_them_in_a_window_do_not():
    looks, opened = Looks(), []
    for name in names(5):
        looks.lose(name)
        opened += looks.looks(5)
    assert (names(4), True) == (opened, looks.tripped)
    assert "5 repairs would have been opened within 1h, more than 4" in looks.breakers["gpu-train"].reason


def test_while_more_are_down_than_may_be_repaired_only_a_person_closes_the_breaker():
    looks = Looks()
    looks.lose(*names(9))
    assert [] == looks.looks(200)
    assert "9 hosts are down still and without a repair" in looks.breakers["gpu-train"].reason

    looks.resume()
    assert names(4) == looks.looks(1)
    assert not looks.tripped
    assert names(4, 5) == looks.looks(121)


def test_what_is_lost_after_a_person_resumed_trips_it_again():
    looks = Looks()
    looks.lose(*names(4))
    looks.looks(2)
    looks.resume()
    looks.looks(1)
    looks.lose(*names(4, 5))
    looks.look()
    assert looks.tripped


def test_an_observer_that_sees_all_down_and_up_in_turns_keeps_the_breaker_tripped_and_opens_nothing():
    looks, all_ = Looks(), names(12)
    for _ in range(40):
        looks.lose(*all_)
        assert [] == looks.looks(1)
        assert looks.tripped
        looks.find(*all_)
        assert [] == looks.looks(1)
    assert [] == looks.looks(20)
    assert not looks.tripped


def test_a_tripped_breaker_holds_up_no_host_that_is_in_repair_or_on_its_way_back():
    looks = Looks()
    looks.lose("gpu012")
    assert ["gpu012"] == looks.looks(3)
    looks.lose(*names(4))
    looks.look()
    assert ({"gpu012"}, True) == (set(looks.leased), looks.tripped)
    looks.find("gpu012")
    looks.look()
    assert "gpu012" not in looks.losses


def test_a_freeze_holds_new_repairs_and_a_stop_does_not():
    for kind, expected in ((StopKind.FREEZE, []), (StopKind.STOP, ["gpu001"])):
        looks = Looks()
        looks.stops = (stop(kind),)
        looks.lose("gpu001")
        assert expected == looks.looks(5)


def test_a_percentage_counts_as_three_hosts_at_least():
    looks = Looks(rule=NoticeRule(failed_for="0s", looks=1))
    looks.lose(*names(3))
    assert names(3) == looks.looks(1)
    looks.lose("gpu004")
    looks.now += timedelta(minutes=61)
    assert ["gpu004"] == looks.looks(1)
