"""What docs/limits.md says of the scenario is what its report says."""

from bench.scenario.fleet import shares
from bench.scenario.page import section

POOL = {"hosts": 1200, "min_up": 1043, "floor": 960, "max_planned": 149, "planned_buffer": 144}
REPORT = {
    "pools": {"training": POOL, "inference": {**POOL, "hosts": 400, "planned_buffer": 48}},
    "named_pool": "training",
    "named_buffer": 240,
    "hosts": 2000,
    "failures": 30,
    "outsiders": 20,
    "operations": {"given_back": 1, "done": 11},
    "emergencies": {"emergency/sim/hole": "done"},
    "kills": {"kill_worker": 34, "kill_server": 16},
    "kill_every_s": 12.0,
    "took_s": 1694.2,
    "visited": 1974,
    "upgrades_applied": 4130,
    "violations": 0,
    "requests": 125,
    "longest_waits": [{"request": "op/13", "s": 214.6}],
    "bound_s": 900.0,
    "seed": 7,
    "machine": {"cores": 2, "processor": "some"},
    "load_average_after": 1.5,
    "at": "2026-11-22T20:00:00+00:00",
}


def test_the_page_has_the_figures_of_each_pool_and_of_the_whole():
    page = section(REPORT)

    assert "| training | 1200 | 1043 | 960 | 149 | 144 (240 named) |" in page
    assert "| inference | 400 | 1043 | 960 | 149 | 48 |" in page
    assert "(11 done, 1 given back)" in page
    assert "the worker was killed 34 times and the server\n16 times" in page
    assert "`op/13` waited longest for its grant, 215 s" in page


def test_every_fleet_has_room_for_two_domains_beyond_the_buffer_and_a_floor_above_nothing():
    for pool in (*shares(2000), *shares(200)):
        assert pool.planned + 2 * pool.domain == pool.beyond
        assert pool.domain <= pool.planned < pool.hosts or pool.hosts <= 40
