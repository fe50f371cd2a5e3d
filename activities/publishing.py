"""A host's installed versions, shown to jobs by its scheduler before it takes any."""

from activities.acting import Acting
from fleet.policy.features import published
from fleet.policy.stopping import Deed


async def publish_versions(acting: Acting) -> None:
    """Make the host's node features tell what it was last seen to carry, which after a change is what the gate read.

    A host that was never read keeps what it shows. Raises what the scheduler raises: the host stays drained until its
    features are told, so that no job lands on others than it asked for.
    """
    order, deps = acting.order, acting.deps
    cluster = await deps.cluster(order.cluster)
    if not cluster.publish_versions:
        return
    seen = (await deps.store.observed_versions(order.cluster, order.host)).get(order.host)
    if seen is not None:
        features = published(cluster, seen.versions)
        await acting.hands.scheduler.publish_features(order.host, features, acting.fence(Deed.RETURN))
