"""Which hosts carry the upgrade of a scenario, when it reached half of them, and whether it is still boarding."""

from math import ceil, inf

from fleet.models.blame import Suspect, Trial
from fleet.models.blame_state import BlameState
from fleet.models.verification import Verdict
from fleet.policy.blame import judge
from simulation.moments import moment
from simulation.scenario import Policy, Scenario

SHARES = (0.5, 0.9, 1.0)
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

    def boards(self, now: float) -> bool:
        """True while visits bring it."""
        return self.at <= now < self.blamed_at

    def board(self, hosts: list[int], now: float) -> None:
        """Hosts were visited or repaired: they carry it now, or no longer."""
        boards = self.boards(now)
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
