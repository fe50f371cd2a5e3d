"""The jobs that steer a train: which domain is next, by what its visit would cost them."""

import asyncio
from collections import OrderedDict

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.facts import TrainFacts
from fleet.models.train import DomainState, StopAction
from fleet.policy.avoidance_bound import left
from fleet.policy.next_stop import next_stop
from fleet.policy.timetable import preferred
from fleet.policy.timetable_kept import KeptPrices

_MOST = 8
"""Pools whose prices are kept; those of a pool with ten thousand jobs take some tens of megabytes."""


class KeptByPool:
    """Prices that the last stop of each pool left, of the pools that were looked at last. Nothing is lost with them:
    a worker that has none makes them from nothing.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], KeptPrices] = OrderedDict()

    def take(self, cluster: str, pool: str) -> KeptPrices:
        """A pool's, or new ones. They belong to who takes them, so that no two looks change the same."""
        return self._kept.pop((cluster, pool), None) or KeptPrices()

    def give_back(self, cluster: str, pool: str, prices: KeptPrices) -> None:
        """Keep them for the next stop."""
        self._kept[cluster, pool] = prices
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)


async def in_timetable_order(deps: Deps, facts: TrainFacts, kept: KeptByPool) -> TrainFacts:
    """The facts with the domain that its timetable puts first, where there is one to be chosen.

    A scheduler that fails here costs jobs something and holds no train up: it goes on in the fixed order, and the
    stop's reason says so.
    """
    choices = sum(d.state is DomainState.DUE for d in left(facts.cycle))
    if choices <= 1 or next_stop(facts).action is not StopAction.NOTICE:
        return facts
    try:
        view = await deps.reach(facts.cluster).scheduler.view()
    except DriverError as error:
        activity.logger.warning(f"jobs of {facts.cluster}/{facts.pool.name} don't steer its next stop: {error}")
        return facts.model_copy(update={"preferred_why": f"in the fixed order, as its jobs can't be read: {error}"})
    prices = kept.take(facts.cluster, facts.pool.name)
    found = await asyncio.to_thread(preferred, facts, view, prices)
    kept.give_back(facts.cluster, facts.pool.name, prices)
    return found
