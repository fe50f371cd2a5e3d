"""What came of a scenario: the figures that a decision needs, and curves for pictures. Times not reached are None."""

from fleet.models.base import Fact
from simulation.scenario import Policy

LARGE = 128
"""Hosts from which on a job is a large one: 1,024 GPUs at eight a host."""


class Capacity(Fact):
    """Hosts in production, over all pools."""

    up_min: int
    up_mean: float
    floor: int
    """Sum over the pools."""
    at_or_above_floor: float
    """Share of time in which a pool was, as a mean over the pools: each has its own promise."""
    least_margin: int
    """Hosts above its floor of the pool that came closest to it; negative: below."""
    planned_mean: float
    planned_most: int
    """Of any pool."""
    planned_buffer: int
    """Of the pool that has most."""
    failed_mean: float


class Goodput(Fact):
    """What became of the hosts' time. ETTR as arXiv 2410.21680 defines it: a job's productive time over the time in
    which it ran or waited to run, weighed by hosts.
    """

    ettr: float
    ettr_large: float | None
    """Of jobs of 128 hosts or more; None without any."""
    effective: float
    """Productive time over the time that jobs held hosts: ETTR without the waits."""
    effective_large: float | None
    busy: float
    """Share of all host-time that jobs held."""
    productive: float
    """Share of all host-time that was productive."""
    productive_host_days: float
    lost_planned_host_days: float
    """Worked for nothing, for a planned interruption came before a checkpoint."""
    lost_unplanned_host_days: float
    restart_host_days: float
    checkpoint_host_days: float


class Interruptions(Fact):
    """Gangs that were stopped. One that is hit twice counts twice a day and once in `jobs_hit`."""

    planned_a_day: float
    unplanned_a_day: float
    jobs_hit: int
    jobs_hit_planned: int
    share_hit: float
    """Of the jobs that started."""
    worst: int
    """Most interruptions of one job."""


class Jobs(Fact):
    """How many there were, and how they fared."""

    submitted: int
    done: int
    started: int
    wait_hours_mean: float
    """Of every job submitted; what one that still waits at the end has waited counts."""
    load: float
    """Work asked for, as a share of the hosts' time."""


class Reach(Fact):
    """Days from an upgrade's release until so many hosts carried it."""

    half: float | None
    most: float | None
    """90%."""
    all: float | None
    mean_half: float | None
    """The same as a mean over releases spread evenly over one cycle; None where the time simulated is too short for
    any of them (two cycles and a half are enough), and for a version that harms hosts.
    """
    mean_most: float | None
    mean_all: float | None
    carried: int
    """Hosts at the end."""
    harmed: int
    """Visits that failed and failures that came by it."""
    blamed_days: float | None
    """From its release until it was offboarded."""


class Cycles(Fact):
    """Rounds that opened and closed in the time simulated, of any pool."""

    closed: int
    mean_days: float | None
    longest_days: float | None
    late: int
    """Longer than the cycle bound, open ones that are overdue included."""
    host_visits: int
    handovers: int


class Work(Fact):
    """How much was simulated."""

    jobs: int
    events: int
    decisions: int
    policy_decisions: int
    """Of them, by the maintenance policy; the rest are the scheduler's."""
    failures: int


class Curve(Fact):
    """One point of the curves."""

    day: float
    up_least: float
    up: float
    planned: float
    failed: float
    busy: float


class Outcome(Fact):
    """The answer to one scenario: the same for the same scenario."""

    policy: Policy
    hosts: int
    days: float
    seed: int
    capacity: Capacity
    goodput: Goodput
    interruptions: Interruptions
    jobs: Jobs
    reach: Reach | None
    cycles: Cycles
    work: Work
    curves: tuple[Curve, ...]
