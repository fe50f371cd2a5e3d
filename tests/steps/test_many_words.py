"""Many jobs that speak at once, or again to a worker that was just started."""

from datetime import UTC, datetime

import pytest

from activities.avoidance_looks import MOST_AT_ONCE, AvoidanceLooks
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from tests.scenarios.site import CLUSTER

SAID = {"state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE, "user": "ann", "hosts": ("gpu004",)}


@pytest.mark.parametrize(("within", "answered"), [(0.0, MOST_AT_ONCE), (600.0, MOST_AT_ONCE + 1)])
async def test_a_look_answers_as_many_words_as_it_has_time_for(looks, within, answered):
    jobs = [Job(id=str(1000 + n), comment="maintrain:avoid until=+1h", **SAID) for n in range(MOST_AT_ONCE + 1)]
    view = ClusterView(began=0.0, nodes={}, jobs={job.id: job for job in jobs})
    await looks.run(AvoidanceLooks(looks.deps, within).look, CLUSTER, view, datetime.now(UTC))
    assert answered == len(await looks.site.store.avoidances(CLUSTER))
