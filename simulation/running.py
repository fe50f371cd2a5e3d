"""Runs a scenario to its end: arrivals, passes of the scheduler and all that the clock calls for, in order of time."""

import gc
from collections.abc import Callable
from itertools import count
from math import inf

from simulation.clock import Clock
from simulation.gangs import Gangs
from simulation.hosts import Hosts
from simulation.meter import Meter
from simulation.outcome import Outcome
from simulation.policies.base import Maintenance
from simulation.policies.host_by_host import MaxUnavailable, Sliding
from simulation.policies.lock_step import LockStep
from simulation.policies.nothing import Nothing
from simulation.policies.trains import Trains
from simulation.reckoning import outcome
from simulation.scenario import Policy, Scenario
from simulation.scheduler import Scheduler
from simulation.visits import Visits

POLICIES: dict[Policy, type[Maintenance]] = {
    Policy.TRAINS: Trains,
    Policy.LOCK_STEP: LockStep,
    Policy.SLIDING: Sliding,
    Policy.MAX_UNAVAILABLE: MaxUnavailable,
    Policy.NOTHING: Nothing,
}

_TELL_EVERY = 20_000
"""Steps."""


def run(scenario: Scenario, told: Callable[[float], None] | None = None) -> Outcome:
    """What comes of a scenario. Draws nothing but what its seed says, so that it is the same each time. `told` hears
    now and then how far it is, from 0 to 1.
    """
    collects = gc.isenabled()
    gc.disable()  # things here are freed by their counts; to look for cycles among a million takes a tenth
    try:
        simulation = Simulation(scenario)
        simulation.run(told)
        return outcome(simulation)
    finally:
        if collects:
            gc.enable()


class Simulation:
    """The parts of a run, each of which may be looked at between two steps."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.meter = Meter(scenario)
        self.hosts = Hosts(scenario, self.meter)
        self.gangs = Gangs(scenario, self.hosts, self.clock)
        self.scheduler = Scheduler(scenario, self.gangs)
        self.visits = Visits(scenario, self.hosts, self.gangs, self.clock)
        self.policy = POLICIES[scenario.policy](self.visits, self.gangs)
        self.arrived = self.passes = 0
        self._until = scenario.until_s
        self._arrivals: list[float] = [*scenario.workload.submit_s.tolist(), inf]
        step = scenario.until_s / scenario.points
        for n in range(1, scenario.points):
            self.clock.at(n * step, self._point)
        self.policy.begin()

    def run(self, told: Callable[[float], None] | None = None) -> None:
        """To the end."""
        for steps in count(1):
            if not self.step():
                break
            if told and steps % _TELL_EVERY == 0:
                told(self.clock.now / self.scenario.until_s)
        if told:
            told(1.0)
        self.clock.now = self.scenario.until_s
        self.gangs.close()
        self._point()

    def step(self) -> bool:
        """One event, arrival or pass; False at the end. A pass follows all that happens at its instant."""
        clock, scheduler = self.clock, self.scheduler
        due, arrives = clock.next, self._arrivals[self.arrived]
        first = due if due <= arrives else arrives
        if scheduler.next_pass < first and scheduler.next_pass < self._until:
            scheduler.look()
            self.passes += 1
        elif first >= self._until:
            return False
        elif due <= arrives:
            clock.step()
        else:
            clock.now = arrives
            scheduler.add(self.arrived)
            self.arrived += 1
        return True

    def _point(self, what: object = None) -> None:
        self.meter.point(self.clock.now, self.gangs.busy)
