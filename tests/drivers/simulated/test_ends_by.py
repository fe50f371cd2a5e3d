"""When a simulated job is over: when its work is done, in real time; never for one without an end."""

import time
from datetime import timedelta

from tests.steps.site import StepSite


async def test_the_view_tells_when_running_jobs_are_over(tmp_path):
    site = await StepSite.open(tmp_path)
    hour = site.world.submit_job(hosts=("gpu001",), work=3600)
    endless = site.world.submit_job(hosts=("gpu002",))
    waiting = site.world.submit_job(hosts=("gpu002",), work=3600)

    first = (await site.hands.scheduler.view(not_before=time.monotonic())).jobs
    again = (await site.hands.scheduler.view(not_before=time.monotonic())).jobs
    now = await site.store.clock()
    await site.close()

    assert (None, None) == (first[endless].ends_by, first[waiting].ends_by)
    assert first[hour].ends_by == again[hour].ends_by
    assert timedelta(0) < first[hour].ends_by - now <= timedelta(hours=1)
