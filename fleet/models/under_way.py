"""What is under way in the clusters of a fleet file."""

from collections.abc import Mapping
from typing import NamedTuple

from fleet.models.ledger import LeaseHost
from fleet.models.operation import Operation
from fleet.models.pin import PinSwitch
from fleet.models.rollouts import Rollout

Place = tuple[str, str]
"""Cluster and pool."""


class UnderWay(NamedTuple):
    """All of one instant."""

    leases: Mapping[Place, tuple[LeaseHost, ...]]
    """By the pool of the host; under an empty pool those of hosts that are no members any more."""
    visits: Mapping[Place, tuple[str, ...]]
    """Workflow ids of open visits."""
    switches: tuple[PinSwitch, ...] = ()
    """Pin switches of these clusters, over or not, the newest first."""
    operations: tuple[Operation, ...] = ()
    """Submitted operations on these clusters that are not over."""
    carried: Mapping[str, Mapping[str, Mapping[str, str]]] = {}
    """By cluster and host the versions that were last read, none for a host never read: every member in service that is
    not in repair, which boards the pins in force before it returns."""
    emergencies: Mapping[Place, tuple[str, ...]] = {}
    """Emergencies and large-scale maintenances with hosts there that are open, or over with a stop that has not ended
    yet.
    """
    rollouts: tuple[Rollout, ...] = ()
    """Those that are open, oldest first. Workers of the first of its clusters look at each."""
