"""The whole cluster goes down together, for one window a cycle."""

from simulation.gangs import Visit
from simulation.policies.base import CycleDone, Maintenance


class LockStep(Maintenance):
    """Every host that is up is taken at the announced time; jobs run until then. All are back when the window ends.

    Windows lie in the middle of each cycle, so that each cycle of a simulation has a whole one.
    """

    def begin(self) -> None:
        """The first window."""
        self._cycle = 0
        self.clock.at(self.scenario.cycle_s / 2, self._down)

    def _down(self, what: object) -> None:
        up = [host for domain in range(len(self.hosts.span)) for host in self.hosts.up_in(domain)]
        self.decisions += 1
        opened = self.clock.now
        self.clock.at(opened + self.scenario.cycle_s, self._down)
        if not up:
            return
        number, self._cycle = self._cycle, self._cycle + 1

        def done(visit: Visit) -> None:
            self.cycles.append(CycleDone(-1, number, opened, self.clock.now))

        self.visits.take(up, number, done, drain_s=0.0, length_s=self.scenario.window_s)
