"""Whether a visit could take a host off an offboarded version: a cycle that is asked for that alone is in vain else."""

from collections.abc import Mapping, Sequence

from fleet.models.fleetfile import Cluster
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.rollouts import WantedSet
from fleet.policy.boarding import board


def no_way_back(
    component: str,
    cluster: Cluster,
    pool: Pool,
    observed: Mapping[str, str],
    entries: Sequence[MatrixEntry],
    wanted: WantedSet,
) -> str:
    """Why nothing that boards on a host with these versions brings this component to another one; empty when it does.

    `wanted` is what `fleet.policy.wanted` makes of the host: the way back, or a rollout's version in its place.
    """
    if wanted.versions.get(component) in (None, observed.get(component)):
        return wanted.waits.get(component, f"no other version of {component} is wanted on it")
    boarding = board(cluster, pool, observed, entries, wanted)
    if any(step.upgrade is not None and step.upgrade.component == component for step in boarding.steps):
        return ""
    return boarding.deferred.get(component, boarding.reason)
