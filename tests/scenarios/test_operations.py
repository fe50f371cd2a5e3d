"""Operations of people on a rack and on a switch: hosts are drained, held, verified and returned; a repair in the
scope parks; one that is cancelled gives its hosts back.
"""

from pathlib import Path
from typing import Any

import pytest

from fleet.models.drivers import SimulatedFault
from fleet.models.operation import Said
from fleet.models.scheduler import JobKind
from starter.op_spec import Asked
from starter.operations import Operations
from tests.scenarios.engine import terminate
from tests.scenarios.fleets import quiet
from tests.scenarios.site import Site, fleet_document

BY = ("--actor", "ann", "--reason")


def _document() -> dict[str, Any]:
    """Three racks; the first two hosts of the third, with an NVLink domain of three, are on a switch."""
    document = quiet(fleet_document(9, 3, failure_buffer=3, floor=2, planned_buffer=8, drain={"deadline": "60s"}))
    document["clusters"][0]["topology"] = {"switches": {"leaf3": {"hosts": "gpu[007-008]"}}}
    return document


def _submit(site: Site, kind: str, scope: str, reason: str) -> None:
    """As a program does it, which costs no process."""
    asked = Asked(kind, [scope], "ann", reason, key=reason)
    site.ask(lambda store: Operations(store).submit(asked))


def _say(site: Site, op_id: str, said: Said, reason: str) -> None:
    site.ask(lambda store: Operations(store).say(op_id, said, "ann", reason))


def _until(site: Site, op_id: str, state: str, within: float = 40) -> str:
    """Wait for an operation's state; its reason."""

    def found() -> str:
        op = site.operation(op_id)
        return op.reason if op is not None and op.state == state else ""

    return str(site.until(found, within, f"{op_id} is {state}"))


def _held(site: Site, op_id: str) -> list[str]:
    return sorted(host for host, lease in site.leases().items() if lease.holder == op_id)


def test_a_rack_is_held_a_repair_parks_for_a_switch_and_a_cancelled_one_gives_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Site(tmp_path, _document()) as site:
        monkeypatch.setenv("MAINTRAIN_DATA", str(site.stage.folder))
        world = site.world()
        world.set_fault(SimulatedFault(kind="health_fails", host="gpu007", times=1))
        world.submit_job(hosts=["gpu004"], kind=JobKind.NOT_REQUEUEABLE)
        _submit(site, "service-rack-power", "sim/rack/rack001", "a new power shelf")
        _submit(site, "verify-host", "sim/host/gpu007", "a second look")
        _submit(site, "replace-nic", "sim/host/gpu004", "a broken cage")
        _until(site, "op/1", "working")
        assert {"gpu001", "gpu002", "gpu003"} == set(_held(site, "op/1"))

        site.until_outcome("gpu007", "handed_over")
        _submit(site, "replace-leaf-switch", "sim/switch/leaf3", "a dead fan")
        _say(site, "op/3", Said.CANCEL, "its job must not wait")
        _until(site, "op/3", "cancelled")
        assert "given_back" == site.outcomes()["gpu004"].outcome.value
        _until(site, "op/4", "working")
        terminate(site, "op/4")  # the dispatcher takes it up again
        world.repair_host("gpu007")
        site.stage.run("host", "repaired", "gpu007", *BY, "a new GPU")
        _say(site, "op/1", Said.DONE, "it is in")
        _until(site, "op/1", "done")
        assert {"serviced"} == {site.outcomes()[h].outcome.value for h in ("gpu001", "gpu002", "gpu003")}
        assert "gpu007" in site.leases()

        _say(site, "op/4", Said.DONE, "it turns")
        _until(site, "op/4", "done")
        site.until_outcome("gpu007", "repaired")
        assert {"serviced"} == {site.outcomes()[h].outcome.value for h in ("gpu008", "gpu009")}

        report = site.observed()
        assert [] == report["violation_details"]
        site.until(lambda: not site.leases(), 30, "every host is back")
