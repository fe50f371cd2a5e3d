"""Which hosts carry the upgrade of a scenario, when it reached half of them, and whether it is still boarding."""

from array import array
from math import ceil, inf

import numpy as np

from fleet.models.blame import Suspect, Trial
from fleet.models.blame_state import BlameState
from fleet.models.verification import Verdict
from fleet.policy.blame import judge
from simulation.moments import moment
from simulation.scenario import Policy, Scenario

SHARES = (0.5, 0.9, 1.0)
RELEASES = 24
"""Days of release, spread evenly over one cycle, over which reach is averaged."""
SUSPECT = Suspect(component="gpu-driver", version="new")
_MODEL = "gpu"
"""Hosts are all of one."""


class Upgrades:
    """The upgrade's way through the fleet. Trains judge it by `fleet.policy.blame` after each visit, from visits alone;
    no other policy looks.
    """

    def __init__(self, scenario: Scenario) -> None:
        spec = scenario.upgrade
        self.at = inf if spec is None or scenario.policy is Policy.NOTHING else spec.at_days * 86_400.0
        self.fails = spec.fails if spec else 0.0
        self.judged = scenario.policy is Policy.TRAINS and spec is not None and spec.bad
        self.carried = bytearray(scenario.hosts)
        self.count = self.harmed = 0
        """Hosts that carry it; visits that failed and failures that came by it."""
        self.blamed_at = inf
        self.reached = [inf] * len(SHARES)
        self._wanted = [ceil(scenario.hosts * share) for share in SHARES]
        self._state = BlameState(declared=(_MODEL,))
        self._since, self._cycle_s = (spec.at_days * 86_400.0 if spec else 0.0), scenario.cycle_s
        self._notes = spec is not None and not spec.bad and scenario.policy is not Policy.NOTHING
        self._began, self._ended, self._host = array("d"), array("d"), array("i")
        """Of every visit of a host, and of every repair."""

    def boards(self, now: float) -> bool:
        """True while visits bring it."""
        return self.at <= now < self.blamed_at

    def board(self, hosts: list[int], began: float, now: float) -> None:
        """Hosts were visited, or repaired, since then: they carry it now, or no longer. What was not released when a
        visit began did not board it.
        """
        if self._notes:
            for host in hosts:
                self._began.append(began)
                self._ended.append(now)
                self._host.append(host)
        boards = self.boards(began) and self.boards(now)
        if not boards and not self.count:
            return
        for host in hosts:
            self.count += boards - self.carried[host]
            self.carried[host] = boards
        for n, wanted in enumerate(self._wanted):
            if self.count >= wanted and self.reached[n] == inf:
                self.reached[n] = now

    def tried(self, passed: list[int], failed: list[int], began: float, now: float) -> None:
        """A visit that began then has ended: look whether the upgrade is to blame."""
        if not self.judged or self.blamed_at < inf:
            return
        versions = (SUSPECT,) if self.boards(began) else ()
        at = moment(now)
        trials = [
            Trial(host=f"h{host}", hardware=_MODEL, versions=versions, verdict=verdict, at=at)
            for hosts, verdict in ((passed, Verdict.PASSED), (failed, Verdict.FAILED))
            for host in hosts
        ]
        found = judge([SUSPECT], trials, self._state)
        self._state = found.state
        if found.suspect is not None:
            self.blamed_at = now

    def mean_reached(self) -> list[float]:
        """Seconds from a release until so many hosts carry it, for each of `SHARES`: the mean over releases that are
        spread over one cycle, for it is chance when in a cycle a version comes out. inf where one of them did not get
        there in the time simulated, and for versions that harm hosts.
        """
        if not self._notes:
            return [inf] * len(SHARES)
        began, ended, host = np.array(self._began), np.array(self._ended), np.array(self._host, np.int64)
        sums = np.zeros(len(SHARES))
        for n in range(RELEASES):
            released = self._since + (n + 0.5) / RELEASES * self._cycle_s
            boards = began >= released
            first = np.full(len(self.carried), inf)
            np.minimum.at(first, host[boards], ended[boards])
            sums += np.sort(first)[np.array(self._wanted) - 1] - released
        return [float(total) / RELEASES for total in sums]
