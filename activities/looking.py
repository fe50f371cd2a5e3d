"""One look at a cluster, kept as the observation that grants are judged by."""

import time

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.base import Moment
from fleet.models.observation import Observation
from fleet.models.scheduler import ClusterView
from fleet.policy.observing import observed_hosts


async def look(deps: Deps, cluster: str) -> tuple[ClusterView, Moment] | None:
    """Read the scheduler: what it showed, and when the reading began. None when it did not answer, which is kept
    beside the last good look.
    """
    store = deps.store
    began_at, members = await store.clock(), await store.hosts(cluster)
    try:
        view = await deps.reach(cluster).scheduler.view(not_before=time.monotonic())
    except DriverError as error:
        await store.record_observation(Observation(cluster=cluster, began_at=began_at, hosts={}, error=str(error)))
        return None
    seen = observed_hosts(members, view)
    await store.record_observation(Observation(cluster=cluster, began_at=began_at, hosts=seen))
    return view, began_at
