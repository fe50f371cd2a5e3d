"""A cluster's drivers, together."""

from typing import Protocol

from fleet.ports.hardware import Hardware
from fleet.ports.scheduler import Scheduler
from fleet.ports.verifier import Verifier


class Hands(Protocol):
    """What activities reach a cluster with."""

    @property
    def scheduler(self) -> Scheduler:
        """The cluster's scheduler."""
        ...

    @property
    def hardware(self) -> Hardware:
        """Its hosts' hardware."""
        ...

    @property
    def verifier(self) -> Verifier:
        """Its verifications."""
        ...
