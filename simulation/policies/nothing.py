"""No maintenance at all: the fleet as its failures alone leave it, and no upgrade ever."""

from simulation.policies.base import Maintenance


class Nothing(Maintenance):
    """Takes no host."""

    def begin(self) -> None:
        """Nothing is to be done."""
