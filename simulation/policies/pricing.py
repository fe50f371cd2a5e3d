"""Which domain a train visits next: what `fleet.policy.timetable_order` makes of the jobs that run in it now."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from fleet.policy.timetable_calendar import Calendar
from fleet.policy.timetable_exact import Remaining
from fleet.policy.timetable_order import next_visit
from fleet.policy.timetable_prices import Prices
from simulation.gangs import Gangs
from simulation.scenario import Scenario


class Pricing:
    """Prices of domains by what interrupting their jobs costs."""

    def __init__(self, scenario: Scenario, gangs: Gangs) -> None:
        self._gangs, self._grace = gangs, scenario.drain_s
        jobs = scenario.workload
        work = np.zeros(len(jobs)) if scenario.checkpoint_on_notice else jobs.checkpoint_s.astype(np.float64) / 2
        self._lost: list[float] = (jobs.hosts * (jobs.restart_s + work)).tolist()
        """By job, host-seconds; inf where all of its run is lost."""

    def cheapest(self, domains: Sequence[int], begins_s: float, due_s: float, length_s: float) -> int:
        """The domain that the timetable puts first for a visit that begins in `begins_s`. `due_s`: from now to the due
        date; `length_s`: of a visit.
        """
        prices = Prices(len(domains), self._grace)
        self._add_jobs(prices, domains)
        count = len(domains)
        left = Remaining(
            due=np.full(count, due_s),
            earliest=np.zeros(count),
            length=np.full(count, length_s),
            rank=np.zeros(count, np.int64),
        )
        return domains[next_visit(left, prices, Calendar(), begins_s).domain]

    def _add_jobs(self, prices: Prices, domains: Sequence[int]) -> None:
        gangs = self._gangs
        touched: dict[int, list[int]] = {}
        for place, domain in enumerate(domains):
            for job in gangs.on[domain]:
                if job in touched:
                    touched[job].append(place)
                else:
                    touched[job] = [place]
        if not touched:
            return
        now, began, lost = gangs.clock.now, gangs.began, self._lost
        cost = np.array([lost[job] for job in touched])
        jobs = list(touched)
        for n in np.flatnonzero(np.isinf(cost)):
            job = jobs[n]
            cost[n] = gangs.need[job] * (gangs.restart[job] + now - began[job])
        ends = np.array([gangs.expected_end(job) for job in touched]) - now
        starts = np.cumsum([0, *map(len, touched.values())])
        prices.add_all([str(job) for job in touched], starts, np.array(list(chain(*touched.values()))), cost, ends)
