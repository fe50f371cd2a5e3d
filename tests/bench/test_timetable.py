"""The measurement of timetables: its fleet uses no host twice, and a small run fills every figure and the page."""

import numpy as np

from bench.timetable import page
from bench.timetable.comparing import Cycle
from bench.timetable.fleet import Fleet
from bench.timetable.measuring import measure
from simulation.workloads import make
from simulation.workloads.published import RSC


def test_hosts_are_used_once_and_work_that_was_interrupted_is_done_later():
    work = make(RSC, hosts=400, days=3, load=0.9, rng=np.random.default_rng(2), most_jobs=400)
    fleet = Fleet(20, 20, work)
    for hour in range(60):
        fleet.go_to(hour * 3600.0)
        fleet.close(hour % 20, 60.0)
        assert not any(hour % 20 in r.touched for r in fleet.running.values())
        fleet.open()
        used = np.zeros(20, int)
        for run in fleet.running.values():
            used[run.touched] += run.taken
            assert run.taken.sum() == work.hosts[run.job]
        assert (used + fleet.free == 20).all()
    assert fleet.interruptions
    assert fleet.lost_host_hours > 0


def test_a_small_run_fills_every_figure_and_the_page():
    found = measure(Cycle(domains=30, size=10), cold_domains=40, cold_jobs=200)
    text = page.section(found)
    assert 40 == found["cold"]["visits"]
    assert 30 == found["by_timetable"]["decisions"]
    assert found["by_timetable"]["on_time"]
    for words in ("a decision in a cycle of 30 stops", "over that of the fixed order", "40 domains × "):
        assert words in text
