"""Hosts that fail climb the repair ladder: one is cured by a GPU reset, one by a power cycle, and one ends at a person,
while the worker is killed in the middle of rungs; pages, `host show` and the audit log tell what was done.
"""

import json
from pathlib import Path

from tests.scenarios.fleets import quiet
from tests.scenarios.listener import PageListener
from tests.scenarios.site import CLUSTER, Site, fleet_document

SLOW, SICK, LOST = "gpu001", "gpu002", "gpu004"
FAULTS = (
    {"kind": "gpu_slow", "host": SLOW, "cured_by": ["gpu_reset"]},
    {"kind": "health_fails", "host": SICK},
    {"kind": "host_not_back", "host": LOST, "cured_by": ["power_cycle"]},
)
LADDER = {
    "performance": ["retry", "gpu_reset", "reboot"],
    "hardware": ["reboot", "power_cycle"],
    "unknown": ["gpu_reset", "power_cycle"],
}
KILLED_AT = (f"{SLOW}@gpu_reset:after", f"{SICK}@power_cycle:before", f"{LOST}@power_cycle:after")
RUNGS = ("gpu_reset_started", "power_cycle_started", "reboot_started")


def test_a_ladder_cures_what_it_can_once_each_and_asks_a_person_for_the_rest(tmp_path: Path) -> None:
    document = quiet(fleet_document(faults=FAULTS, failure_buffer=4, floor=0))
    document["clusters"][0] |= {"host_back_within": "6s", "repair": {"ladder": LADDER}}
    document["notify"] = ["SCENARIO_PAGES"]
    site = Site(tmp_path, document, KILLED_AT)
    with PageListener() as listener:
        site.stage.environment["SCENARIO_PAGES"] = listener.url
        with site:
            site.start_train()
            site.until(lambda: _revived(site) and _is_over(site, listener), 240, "every ladder is at its end")

            assert set(KILLED_AT) == {mark.name for mark in site.marks.iterdir()}
            assert [] == site.observed()["violation_details"]
            assert {SICK} == set(site.leases())
            _each_rung_once(site)
            _people_know(site, listener)


def _revived(site: Site) -> bool:
    """The worker runs; after each kill it is started again."""
    if site.stage.processes[-1].poll() is not None:
        site.stage.spawn("up", log="up.log")
    return True


def _is_over(site: Site, listener: PageListener) -> bool:
    cycle = site.cycle()
    returned = all(o.outcome == "repaired" for h, o in site.outcomes().items() if h in (SLOW, LOST))
    return bool(cycle and cycle.closed_at and returned and len(site.outcomes()) == 6 and listener.titles(SICK))


def _each_rung_once(site: Site) -> None:
    """By the cluster's own journal. Each host's one other reboot is its visit's."""
    began = {(row.host, kind): len(site.happened(kind, row.host)) for kind in RUNGS for row in site.happened(kind)}
    rungs = {place: count for place, count in began.items() if place[1] != "reboot_started"}
    assert {(SLOW, "gpu_reset_started"): 1, (SICK, "power_cycle_started"): 1, (LOST, "power_cycle_started"): 1} == rungs
    reboots = {host: count for (host, kind), count in began.items() if kind == "reboot_started"}
    assert {"gpu001": 1, "gpu002": 2, "gpu003": 1, "gpu004": 1, "gpu005": 1, "gpu006": 1} == reboots


def _people_know(site: Site, listener: PageListener) -> None:
    assert [f"{CLUSTER}/{SICK} is out of production and needs repair"] == listener.titles("is out of production")
    shown = site.stage.run("host", "show", SICK)
    for words in (
        "GPU 3 is unhealthy",
        "row remap failure pending",
        "power_cycle",
        "failed after",
        "a person is needed",
    ):
        assert words in shown
    kept = json.loads(site.stage.run("host", "show", SICK, "--json"))["rungs"]
    assert [("reboot", "failed"), ("power_cycle", "failed"), (None, None)] == [(r["rung"], r["end"]) for r in kept]
    cured = json.loads(site.stage.run("host", "show", LOST, "--json"))["rungs"]
    assert [("gpu_reset", "refused"), ("power_cycle", "cured")] == [(r["rung"], r["end"]) for r in cured]
    log = json.loads(site.stage.run("log", "--json"))
    told = [(e["action"], e["subject"]) for e in log if e["actor"] == "repair ladder"]
    assert 1 == told.count(("rung gpu_reset", f"host {CLUSTER}/{SLOW}"))
    assert 1 == told.count(("a person asked", f"host {CLUSTER}/{SICK}"))
