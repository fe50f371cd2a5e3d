"""Emergencies and large-scale maintenance take hosts in spite of what was granted: who is told of it, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet import ids
from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from tests.scenarios.site import CLUSTER, POOL

MAINTENANCE = ids.large(CLUSTER, "winter")


async def announced(looks, begins: timedelta, notice: str) -> None:
    """A large-scale maintenance of gpu004 with a date."""
    now = datetime.now(UTC)
    plan = {"at": now + begins, "steps": [{"domains": 1}]}
    upgrade = {"component": "gpu-driver", "version": "550.3"}
    spec = {"name": "winter", "cluster": CLUSTER, "upgrades": [upgrade], "notice": notice, "plan": plan}
    made = Emergency(
        id=MAINTENANCE,
        spec=EmergencySpec.model_validate(spec),
        targets={"gpu-driver": "550.3"},
        state=EmergencyState.ANNOUNCED,
        started_at=now,
        started_by="ann",
        why="winter",
        changed_at=now,
    )
    await looks.site.store.start_emergency(made, [EmergencyHost(host="gpu004", pool=POOL, domain="d002")])


async def told(looks) -> tuple[bool, int, int]:
    """Whether the job of a grant reads it, and how many events and signals there are, after two looks."""
    job = looks.site.world.submit_job(hosts=("gpu004",), comment="maintrain:avoid until=+2h signal=USR2")
    for _ in range(3):
        await looks()
    events = await looks.site.store.event_log(CLUSTER, kind="avoidance_overruled")
    signals = [row for row in looks.site.world.journal() if row.kind == "job_signalled"]
    return f"{MAINTENANCE} goes before what was granted" in await looks.note(job), len(events), len(signals)


async def test_a_date_in_a_week_overrules_no_grant_of_today(looks):
    await announced(looks, timedelta(days=7), "30m")
    assert (False, 0, 0) == await told(looks)


async def test_a_job_that_is_overruled_reads_it_at_once_and_gets_its_signal_with_the_others(looks):
    await announced(looks, timedelta(hours=1), "30m")
    assert (True, 1, 0) == await told(looks)
    store = looks.site.store
    (row,) = await store.avoidances(CLUSTER)
    assert not await store.claimed(f"notice/{MAINTENANCE}/{row.ask.job}")


@pytest.mark.parametrize("begins", [timedelta(minutes=20), timedelta(minutes=-1)])
async def test_the_signal_comes_once_the_notice_has_begun(looks, begins):
    await announced(looks, begins, "30m")
    assert (True, 1, 1) == await told(looks)
