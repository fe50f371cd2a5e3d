"""The fleet file as a pin switch leaves it: the new pin, and what moved together with it as desired versions."""

from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.pin import PinSpec
from fleet.models.pool import Pool


def with_targets(fleet: FleetFile, spec: PinSpec) -> FleetFile:
    """A fleet file whose cluster pins the switch's version.

    Versions that moved together are what trains must want from now on, also where a pool had a wish of its own.
    """
    clusters = tuple(_moved(c, spec) if c.name == spec.cluster else c for c in fleet.clusters)
    return fleet.model_copy(update={"clusters": clusters})


def _moved(cluster: Cluster, spec: PinSpec) -> Cluster:
    return cluster.model_copy(
        update={
            "pins": {**cluster.pins, spec.component: spec.version},
            "desired": {**cluster.desired, **spec.together},
            "pools": tuple(_pool(pool, spec) for pool in cluster.pools),
        }
    )


def _pool(pool: Pool, spec: PinSpec) -> Pool:
    own = {name: spec.together.get(name, version) for name, version in pool.desired.items()}
    return pool.model_copy(update={"desired": own})
