"""Hosts one by one, without regard for domains: under a pool's planned buffer, or as Kubernetes counts them."""

from fleet.models.units import buffer_hosts
from simulation.policies.base import PacedHosts


class Sliding(PacedHosts):
    """As many hosts at once as trains would have out; nothing but the planned buffer is looked at."""

    def room(self, pool: int) -> int:
        """What is left of the planned buffer."""
        return self.visits.promised[pool].planned_buffer - self.hosts.planned[pool]


class MaxUnavailable(PacedHosts):
    """A share of the pool at once, 25% by default, in which hosts that failed count."""

    def room(self, pool: int) -> int:
        """What is left of it."""
        most = buffer_hosts(self.scenario.unavailable, self.visits.promised[pool].members)
        return most - self.hosts.planned[pool] - self.hosts.failed[pool]
