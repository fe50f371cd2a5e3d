"""A worker that is killed between the two halves of a power cycle leaves the host off; who resumes switches it on."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.power_cycle import PowerCycling
from drivers.hosts import open_hosts
from drivers.registry import OpenDrivers
from fleet.models.hosts import HostsHardware
from fleet.models.intent import Before
from fleet.models.work import Step, StepAction, StepKind
from tests.emulators.bmc import Fault, FaultKind
from tests.parts.real_hosts import RealHosts, start_real_hosts
from tests.scenarios.site import CLUSTER
from tests.steps.site import order

HOST, KEY = "gpu001", "rung:power_cycle"
WORKER = """
import asyncio, json, pathlib, sys
from drivers.hosts import open_hosts
from fleet.models.hosts import HostsHardware
from fleet.ports.fence import open_fence
settings = HostsHardware.model_validate(json.loads(sys.argv[1]))
asyncio.run(open_hosts(settings, pathlib.Path(sys.argv[2])).hardware.power_cycle("gpu001", open_fence))
"""
SLOW = Fault(kind=FaultKind.SLOW, path="Systems/", delay=timedelta(milliseconds=700))


@pytest.fixture
def real(tmp_path):
    with start_real_hosts(tmp_path / "real", [HOST]) as found:
        yield found


def settings_of(real: RealHosts) -> dict:
    """A BMC that knows no power cycle of one piece."""
    settings = real.hardware()
    settings["redfish"]["models"][0]["power_cycle"] = []
    return settings


async def killed_in_between(real: RealHosts) -> None:
    """Another worker, killed when the host's power is off."""
    real.bmcs.set_faults([SLOW])
    argv = (sys.executable, "-c", WORKER, json.dumps(settings_of(real)), str(real.folder))
    worker = await asyncio.create_subprocess_exec(*argv, cwd=Path(__file__).parents[2])
    async with asyncio.timeout(60):
        while real.bmcs.state(HOST).power != "Off":
            assert worker.returncode is None, "it ended before the power was off"
            await asyncio.sleep(0.02)
    worker.kill()
    await worker.wait()
    real.bmcs.set_faults([])


async def test_the_rung_that_resumes_switches_the_host_on_and_cycles_nothing_again(site, real):
    operation = await site.hand_over(HOST)
    hardware = open_hosts(HostsHardware.model_validate(settings_of(real)), real.folder).hardware
    boot = await hardware.boot_id(HOST)
    await site.store.open_intent(f"{operation}.1", KEY, "a dead worker", Before(boot_id=boot), datetime.now(UTC))
    await killed_in_between(real)
    assert "Off" == real.bmcs.state(HOST).power

    deps = replace(site.deps, hands={CLUSTER: OpenDrivers(site.hands.scheduler, hardware, site.hands.verifier)})
    step = Step(key=KEY, kind=StepKind.POWER_CYCLE, expected=timedelta(seconds=1), rung=True)
    rung = order(StepKind.POWER_CYCLE, HOST, operation=operation, repair=True, attempt=1, visit=None, step=step)
    found = await site.run(PowerCycling(deps).power_cycle, rung)

    assert (StepAction.GO_ON, "On") == (found.action, real.bmcs.state(HOST).power)
    assert ["ForceOff", "On"] == [happening.detail["type"] for happening in real.bmcs.journal(HOST, "reset")]
    assert boot != await hardware.boot_id(HOST)
    await hardware.close()
