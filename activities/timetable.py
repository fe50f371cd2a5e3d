"""The jobs that steer a train: which domain is next, by what its visit would cost them."""

import asyncio

from temporalio import activity

from activities.deps import Deps
from fleet.errors import DriverError
from fleet.models.facts import TrainFacts
from fleet.models.train import DomainState, StopAction
from fleet.policy.avoidance_bound import left
from fleet.policy.next_stop import next_stop
from fleet.policy.timetable import preferred


async def in_timetable_order(deps: Deps, facts: TrainFacts) -> TrainFacts:
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
    return await asyncio.to_thread(preferred, facts, view)
