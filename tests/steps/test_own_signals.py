"""Notices that emergencies and pin switches give: a job that has asked for a signal of its own gets that one, since
another would end it, and no job keeps others from theirs.
"""

from dataclasses import replace
from datetime import timedelta

from activities.avoidance_door import AvoidanceDoor, job_wish, running_job
from activities.emergency import EmergencyPlanning
from activities.pin import PinSwitching
from fleet.errors import BadAnswer
from fleet.models.avoidance import AvoidanceSource
from fleet.models.emergency import EmergencyState
from fleet.models.pin import PinState
from tests.scenarios.site import CLUSTER
from tests.steps.pins import INPUT, Switch, run
from tests.steps.site import StepSite
from tests.steps.test_avoidance_between_looks import Driver, deps_with
from tests.steps.urgent import signals


async def names(site, job: str, signal: str) -> None:
    """The job asks to be kept for a minute, and to be told by this signal."""
    store, found = site.store, await running_job(site.hands.scheduler, job)
    wish = job_wish(CLUSTER, found, f"{CLUSTER}/{job}", AvoidanceSource.HTTP)
    until = await store.clock() + timedelta(minutes=1)
    await AvoidanceDoor(store).ask(replace(wish, until=until, signal=signal))


def told(site) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in site.world.journal():
        if row.kind == "job_signalled":
            found.setdefault(str(row.job), []).append(row.detail["signal"])
    return found


async def test_an_emergency_tells_a_job_by_the_signal_that_it_has_asked_for(urgent):
    await signals(urgent)
    job, other = (urgent.site.world.submit_job(hosts=(host,)) for host in ("gpu004", "gpu005"))
    await names(urgent.site, job, "USR2")
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    for _ in range(2):
        await urgent.plan()
    assert {job: ["USR2"], other: ["USR1"]} == told(urgent.site)


async def test_an_emergency_tells_it_so_where_pools_have_no_signal(urgent):
    job = urgent.site.world.submit_job(hosts=("gpu004",))
    urgent.site.world.submit_job(hosts=("gpu005",))
    await names(urgent.site, job, "USR2")
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    for _ in range(2):
        await urgent.plan()
    assert {job: ["USR2"]} == told(urgent.site)


class Deaf(Driver):
    """A scheduler that can't signal one of its jobs, and says so."""

    def __init__(self, inner, deaf: str) -> None:
        super().__init__(inner)
        self.deaf, self.tried = deaf, 0

    async def signal_jobs(self, jobs: tuple[str, ...], signal: str) -> None:
        if self.deaf in jobs:
            self.tried += 1
            raise BadAnswer(f"job {self.deaf}: its steps took it, its batch shell did not")
        await super().signal_jobs(jobs, signal)


async def test_a_job_that_can_not_be_told_of_an_emergency_keeps_no_other_from_its_notice(urgent):
    await signals(urgent)
    job, other = (urgent.site.world.submit_job(hosts=(host,)) for host in ("gpu004", "gpu005"))
    driver = Deaf(urgent.site.hands.scheduler, job)
    urgent.planning = EmergencyPlanning(deps_with(urgent, driver))
    await urgent.begin(EmergencyState.ANNOUNCED, notice="1h")
    for _ in range(2):
        await urgent.plan()
    assert ({other: ["USR1"]}, 1) == (told(urgent.site), driver.tried)


async def test_a_pin_switch_tells_a_job_by_the_signal_that_it_has_asked_for(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "1s", "signal": "USR1"})
    switch = await Switch(site).begin(PinState.REQUESTING)
    await switch.tested()
    job, other = (site.world.submit_job(hosts=[host]) for host in ("gpu003", "gpu004"))
    await names(site, job, "USR2")
    await switch.become(state=PinState.REQUESTING, approved_by="bob")
    await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert {job: ["USR2"], other: ["USR1"]} == told(site)
    await site.close()
