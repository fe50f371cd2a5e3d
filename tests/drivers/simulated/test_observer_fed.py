"""The outside observer, fed snapshots that the simulated cluster can't be brought to show."""

import pytest

from drivers.snapshot import Event, HostSeen, Snapshot
from starter.demo.observer import RUNGS, Observer
from tests.drivers.simulated.stage import HOSTS, OURS, limits


def fed(*snapshots: Snapshot, **changes) -> Observer:
    observer = Observer((limits(**changes),))
    observer.see(Snapshot(0.0, dict.fromkeys(HOSTS, HostSeen())))
    for snapshot in snapshots:
        observer.see(snapshot)
    return observer


def at(second: float, *events: Event, **changed: HostSeen) -> Snapshot:
    return Snapshot(second, {**dict.fromkeys(HOSTS, HostSeen()), **changed}, events)


MINE = HostSeen(drained=True, reason=OURS)


def flash(task: str, version: str, host: str = "gpu001") -> Event:
    return Event("flash_started", host, None, {"task": task, "component": "bmc", "version": version})


def test_two_flashes_at_once_on_one_bmc_are_seen():
    observer = fed(at(1.0, gpu001=MINE), at(2.0, flash("t1", "2.0"), flash("t2", "3.0"), gpu001=MINE))

    assert [v.kind for v in observer.violations] == ["overlapping_flash"]


def test_a_return_in_the_middle_of_a_flash_is_seen():
    passes = [Event("verified", "gpu001", None, {"task": t, "verdict": "passed"}) for t in ("health", "performance")]
    back = Event("undrained", "gpu001", None, {"by": "maintrain"})
    observer = fed(at(1.0, flash("t1", "2.0"), *passes, gpu001=MINE), at(2.0, back), verify=frozenset({"health"}))

    assert [v.kind for v in observer.violations] == ["unverified"]


def test_a_flash_of_a_host_in_no_pool_is_seen():
    observer = fed(at(1.0, flash("t1", "2.0", host="login1")))

    assert [v.kind for v in observer.violations] == ["stranger"]


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_of_the_ladder_on_a_host_that_is_not_ours_is_seen_and_makes_it_owe_a_verification(rung):
    begun = Event(rung, "gpu001", None, {})
    assert ["not_ours"] == [v.kind for v in fed(at(1.0, begun)).violations]
    back = Event("undrained", "gpu001", None, {"by": "maintrain"})
    observer = fed(at(1.0, begun, gpu001=MINE), at(2.0, back))
    assert ["unverified"] == [v.kind for v in observer.violations]


def test_a_host_that_is_out_at_the_end_without_a_reason_is_seen():
    observer = fed(at(1.0, gpu001=HostSeen(down=True), gpu002=HostSeen(down=True, reason="Not responding")))

    assert observer.report()["violation_details"] == [
        "gpu001 is out of production at the end, and no reason says in whose hands"
    ]


def test_a_report_twice_says_the_same():
    observer = fed(at(1.0, gpu001=HostSeen(down=True)))

    assert observer.report() == observer.report()


def test_pools_are_counted_apart():
    both = Observer((limits(name="a", members=HOSTS[:4], floor=2), limits(name="b", members=HOSTS[4:], floor=2)))
    both.see(Snapshot(0.0, dict.fromkeys(HOSTS, HostSeen())))
    both.see(at(1.0, gpu001=MINE, gpu002=MINE, gpu003=MINE))

    report = both.report()

    assert [v.kind for v in both.violations] == ["planned_buffer", "floor"] * 3
    assert (report["pools"]["a"]["min_up"], report["pools"]["b"]["min_up"], report["min_up"]) == (1, 4, 5)
    assert report["floor"] == 4
