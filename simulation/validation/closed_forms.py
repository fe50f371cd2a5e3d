"""What can be told of a fleet with a pencil: renewal theory for hosts that fail and are repaired, and the effective
training time ratio (ETTR) of a job that fails, restarts and saves.
"""

import math
from dataclasses import dataclass

from simulation.job import DAY_S


@dataclass(frozen=True)
class Gang:
    """A job on hosts that fail independently."""

    hosts: int
    per_1000_node_days: float
    restart_s: float
    checkpoint_s: float
    write_s: float = 0.0
    """Of a checkpoint, in which nothing else is done."""

    @property
    def failures_s(self) -> float:
        """Of the whole gang, a second."""
        return self.hosts * self.per_1000_node_days / 1000 / DAY_S

    @property
    def mttf_s(self) -> float:
        """Mean time between failures of any of its hosts."""
        return 1 / self.failures_s


def ettr_first_order(job: Gang) -> float:
    """(1 - N r (u0 + D/2)) / (1 + w/D): the formula of arXiv 2410.21680, first order in failures a restart and a
    checkpoint interval D; w is the time to write one.
    """
    lost = job.failures_s * (job.restart_s + job.checkpoint_s / 2)
    return (1 - lost) / (1 + job.write_s / job.checkpoint_s)


def ettr_renewal(job: Gang) -> float:
    """The same without the approximation.

    Between two failures a life is exponential with rate L. It gives D for each interval (D + w) that it completes
    after its restart u0, so that a life gives on average

        D * sum over k of P(life > u0 + k (D + w)) = D exp(-L u0) q / (1 - q),   q = exp(-L (D + w)),

    in a time of 1/L on average: the ratio is L D exp(-L u0) q / (1 - q). A failure in a restart begins another life.
    """
    rate = job.failures_s
    q = math.exp(-rate * (job.checkpoint_s + job.write_s))
    return rate * job.checkpoint_s * math.exp(-rate * job.restart_s) * q / (1 - q)


def availability(mttf_s: float, mttr_s: float) -> float:
    """MTTF / (MTTF + MTTR) of a host that runs, fails and is repaired by turns, however the times spread."""
    return mttf_s / (mttf_s + mttr_s)


def mean_failed(hosts: int, per_1000_node_days: float, mttr_s: float) -> float:
    """Hosts in repair on average, as in an M/G/infinity queue whose source dries up with them: N (1 - availability)."""
    return hosts * (1 - availability(1000 * DAY_S / per_1000_node_days, mttr_s))


def cycle_s(domains: int, visit_s: float, between_s: float = 0.0) -> float:
    """A train's cycle: as many visits as there are domains, one after the other."""
    return domains * (visit_s + between_s)


def planned_on_average(hosts: int, visit_s: float, cycle_bound_s: float) -> float:
    """Hosts out by plan on average when each is out once a cycle for a visit (Little's law)."""
    return hosts * visit_s / cycle_bound_s
