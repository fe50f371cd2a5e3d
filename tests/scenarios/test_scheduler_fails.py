"""The scheduler's answers can't be believed for a while: nothing disruptive begins, and the wait says why."""

from pathlib import Path

from drivers.clock import wall
from fleet.models.drivers import FaultKind, SimulatedFault
from tests.scenarios.engine import terminate
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, POOL, Site, fleet_document

KINDS: tuple[FaultKind, ...] = ("garbage_answer", "stale_answer", "partial_answer", "no_answer")


def test_nothing_begins_on_answers_that_can_not_be_believed(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=12, autostop={"settle": "500ms", "stale_after": "2s"}))
    with Site(tmp_path, document) as site:
        for number, kind in enumerate(KINDS, start=1):
            _blind(site, kind, number)
        site.until_closed(120)
        assert [] == site.observed()["violation_details"]
        assert 12 == site.observed()["visited"]
        assert {"upgraded"} == {o.outcome for o in site.outcomes().values()}
        assert {1} == set(site.effects().values())
        assert {} == site.leases()


def _blind(site: Site, kind: FaultKind, number: int) -> None:
    """Blind the scheduler before the first visit, or in the middle of a visit before the next one."""
    if number > 1:
        begun = 3 * (number - 2)
        site.until(lambda: len(site.happened("flash_started", component="gpu-driver")) > begun, 60, f"visit {number}")
    site.world().set_fault(SimulatedFault(kind=kind, rate=1.0))
    blind = wall()
    if number == 1:
        site.until(lambda: site.now().autostops[POOL].stopped, 30, "autostop")
        site.start_train()
        visit = f"visit/{CLUSTER}/{POOL}/1/d001/1"
        site.until(lambda: [r for r in site.now().requests if r.waits_because], 60, "a request waits with its reason")
        reason = site.now().requests[0].waits_because
        assert "observed" in reason, reason
        terminate(site, visit)
        site.until(lambda: visit not in [r.holder for r in site.now().requests], 30, "the dead ask no more")
    else:
        site.until(lambda: site.now().autostops[POOL].stopped, 30, "autostop")
    begun = [r for k in ("drained", "flash_started", "reboot_started") for r in site.happened(k) if r.at > blind + 1.0]
    assert [] == begun, kind
    assert "can't be observed" in site.now().autostops[POOL].reason
    site.world().clear_faults()
