"""A stop of an emergency, where its visit differs from a train's: which hosts it asks for, and what becomes of them."""

from collections.abc import Sequence

from activities.deps import Deps
from activities.wishing import Wishes
from fleet import ids
from fleet.errors import InvalidInput
from fleet.models.emergency import Emergency, EmergencyChange, EmergencyHost, EmergencyState, Urgent
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import LeaseHost, Request, RequestClass, RequestState
from fleet.models.messages import VisitAsk, VisitAsked, VisitInput
from fleet.models.operation import OperationWork
from fleet.models.rollouts import RolloutFacts
from fleet.models.work import BoardAction, Boarding, HostOutcome
from fleet.policy.emergency_end import after_stop, pending_again
from fleet.policy.emergency_hosts import obtainable
from fleet.policy.large_rounds import held_length
from fleet.policy.operation_steps import steps_of


async def known_emergency(deps: Deps, emergency_id: str) -> Emergency:
    """An emergency by its id. `InvalidInput` when it was never started."""
    found = await deps.store.emergency(emergency_id)
    if found is None:
        raise InvalidInput("emergency", emergency_id, "expected one that was started")
    return found


async def ask_for_stop(deps: Deps, emergency_id: str, ask: VisitAsk, facts: LedgerFacts) -> VisitAsked:
    """File the stop's request for what can be had of its hosts, or look how it stands; withdrawn when there is nothing
    left to wait for.
    """
    visit, store = ask.input, deps.store
    emergency = await known_emergency(deps, emergency_id)
    its = [h.host for h in await store.emergency_hosts(emergency_id, visit.visit)]
    waiting = next((r for r in facts.requests if r.holder == visit.visit), None)
    had = obtainable(its, facts)
    why = "" if emergency.state is EmergencyState.RUNNING else f"{emergency_id} is {emergency.state}"
    if why or not had.hosts:
        if waiting is not None:
            await store.withdraw(waiting.id, why or had.reason, await deps.clock())
        return VisitAsked(ask=ask.ask, request="", granted=False, reason=why or had.reason)
    if waiting is not None:
        return _asked(ask.ask, waiting)
    return await _file(deps, emergency, ask, had.hosts)


async def _file(deps: Deps, emergency: Emergency, ask: VisitAsk, hosts: Sequence[str]) -> VisitAsked:
    visit, number = ask.input, ask.ask
    pool = await stop_pool(deps, emergency, visit)
    length = pool.pool.drain.deadline + pool.pool.visit_budget
    large, progress = emergency.spec.plan, emergency.progress
    if large is not None and progress is not None:
        length += held_length(large, progress.round, {p: len(names) for p, names in progress.domains.items()})
    while True:
        request = await deps.store.request(
            Request(
                id=ids.request(visit.visit, number),
                cluster=visit.cluster,
                kind=RequestClass.EMERGENCY if large is None else RequestClass.LARGE,
                holder=visit.visit,
                hosts=tuple(hosts),
                asked_at=emergency.started_at if large is None else large.at,
                expected_seconds=length.total_seconds(),
                actor=emergency.started_by,
                why=f"{emergency.noun}: {emergency.name}",
                override=emergency.override,
                partial=True,
            )
        )
        if request.state is not RequestState.ENDED:
            return _asked(number, request)
        number += 1


async def begin_stop(deps: Deps, emergency_id: str, visit: VisitInput, leases: Sequence[LeaseHost]) -> str:
    """Note which hosts the stop was granted; the others wait for the next one. Why none may be begun, or empty."""

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        its = [h for h in hosts if h.stop == visit.visit]
        return EmergencyChange(emergency=before, hosts=pending_again(its, (lease.host for lease in leases)))

    emergency = await deps.store.change_emergency(emergency_id, change)
    return "" if emergency.state is EmergencyState.RUNNING else f"{emergency_id} is {emergency.state}"


async def stop_pool(deps: Deps, emergency: Emergency, visit: VisitInput) -> Wishes:
    """The pool as the emergency bends it, and its own versions as all that is wanted there."""
    cluster, pool = await deps.pool(visit.cluster, visit.pool)
    spec = emergency.spec
    bent = pool.model_copy(
        update={
            "visit_budget": spec.budget or pool.visit_budget,
            "verify": spec.verify or pool.verify,
            "drain": spec.drain or pool.drain,
        }
    )
    urgent = tuple(
        Urgent(emergency=emergency.id, component=component, version=version, since=emergency.started_at)
        for component, version in emergency.targets.items()
    )
    service = None
    if spec.plan is not None and spec.plan.work is not None:
        what = OperationWork(spec.plan.work.value)
        steps = steps_of(what, spec.plan.duration, cluster, bent)
        service = Boarding(action=BoardAction.VISIT, steps=steps, reason=f"{what} for {emergency.id}")
    return Wishes(cluster, bent, {}, RolloutFacts(), urgent, service)


async def end_stop(deps: Deps, emergency_id: str, visit: VisitInput, outcomes: Sequence[HostOutcome]) -> None:
    """Note what became of the stop's hosts."""
    _, pool = await deps.pool(visit.cluster, visit.pool)

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        its = [h for h in hosts if h.stop == visit.visit]
        drain = before.spec.drain or pool.drain
        return EmergencyChange(emergency=before, hosts=after_stop(its, outcomes, drain.max_returns))

    await deps.store.change_emergency(emergency_id, change)


def _asked(number: int, request: Request) -> VisitAsked:
    return VisitAsked(
        ask=number,
        request=request.id,
        granted=request.state is RequestState.GRANTED,
        hosts=request.hosts,
        reason=request.waits_because,
    )
