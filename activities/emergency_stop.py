"""A stop of an emergency, where its visit differs from a train's: which hosts it asks for, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from temporalio import activity

from activities.asking import as_asked, filed, taken_back
from activities.deps import Deps
from activities.wishing import Wishes
from fleet import ids
from fleet.errors import InvalidInput, Unreachable
from fleet.hostlist import some
from fleet.models.emergency import (
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyState,
    Urgent,
)
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import LeaseHost, Request, RequestClass
from fleet.models.messages import VisitAsk, VisitAsked, VisitInput
from fleet.models.operation import OperationWork
from fleet.models.rollouts import RolloutFacts
from fleet.models.work import BoardAction, Boarding, HostOutcome
from fleet.policy.emergency_end import BEGUN, Owed, after_stop, came_back, ended_early, owed, pending_again
from fleet.policy.emergency_hosts import obtainable
from fleet.policy.emergency_orders import Change
from fleet.policy.emergency_wish import overruled
from fleet.policy.large_gate import begins_no_more
from fleet.policy.large_rounds import held_length, totals
from fleet.policy.operation_steps import steps_of
from fleet.policy.wanted import offboarded


async def known_emergency(deps: Deps, emergency_id: str) -> Emergency:
    """An emergency by its id. `InvalidInput` when it was never started."""
    found = await deps.store.emergency(emergency_id)
    if found is None:
        raise InvalidInput("emergency", emergency_id, "expected one that was started")
    return found


async def ask_for_stop(deps: Deps, emergency_id: str, ask: VisitAsk, facts: LedgerFacts) -> VisitAsked:
    """File the stop's request for what can be had of its hosts, or look how it stands; withdrawn when there is nothing
    left to wait for, and asked anew when a load put one of them into another pool.
    """
    visit, store = ask.input, deps.store
    emergency = await known_emergency(deps, emergency_id)
    hosts = await store.emergency_hosts(emergency_id, visit.visit if emergency.spec.plan is None else None)
    its = [h for h in hosts if h.stop == visit.visit]
    waiting = next((r for r in facts.requests if r.holder == visit.visit), None)
    had = obtainable(its, facts)
    why = _halted(emergency) or begins_no_more(emergency, hosts, facts)
    if why or not had.hosts:
        if waiting is not None and (granted := await taken_back(deps, waiting, why or had.reason)) is not None:
            return as_asked(ask.ask, granted)
        return VisitAsked(ask=ask.ask, request="", granted=False, reason=why or had.reason)
    if waiting is not None and not any(name in waiting.hosts for name in had.gone):
        return as_asked(ask.ask, waiting)
    if waiting is not None:
        granted = await taken_back(deps, waiting, f"{some(had.gone)} are no longer in the pool")
        if granted is not None:
            return as_asked(ask.ask, granted)
    return await _file(deps, emergency, ask, had.hosts, totals(hosts))


async def _file(
    deps: Deps, emergency: Emergency, ask: VisitAsk, hosts: Sequence[str], every: Mapping[str, int]
) -> VisitAsked:
    """`every`: of a large-scale maintenance, what `totals` says of all of its hosts."""
    visit, number = ask.input, ask.ask
    pool = await stop_pool(deps, emergency, visit)
    length = pool.pool.drain.deadline + pool.pool.visit_budget
    large, progress = emergency.spec.plan, emergency.progress
    if large is not None and progress is not None:
        length += held_length(large, progress.round, progress.domains, every)
    request = Request(
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
    return await filed(deps, number, request)


async def begin_stop(deps: Deps, emergency_id: str, visit: VisitInput, leases: Sequence[LeaseHost]) -> str:
    """Note which hosts the stop was granted; the others wait for the next one. Why none may be begun, or empty."""

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        its = [h for h in hosts if h.stop == visit.visit]
        return EmergencyChange(emergency=before, hosts=pending_again(its, (lease.host for lease in leases)))

    emergency = await deps.store.change_emergency(emergency_id, change)
    if emergency.spec.plan is None or emergency.state is not EmergencyState.RUNNING:
        return _halted(emergency)
    facts = await deps.store.facts(visit.cluster, await deps.clock())
    return begins_no_more(emergency, await deps.store.emergency_hosts(emergency_id), facts)


def _halted(emergency: Emergency) -> str:
    return "" if emergency.state is EmergencyState.RUNNING else f"{emergency.id} is {emergency.state}"


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
    return Wishes(cluster, bent, {}, RolloutFacts(), urgent=urgent, service=service)


async def stop_wishes(deps: Deps, emergency_id: str, visit: VisitInput, hosts: Sequence[str]) -> Wishes:
    """The same, without what emergencies that began later would take back from these hosts."""
    emergency = await known_emergency(deps, emergency_id)
    facts = await deps.store.rollout_facts(visit.cluster, hosts)
    ended = offboarded(facts.rollouts)
    later = {host: why for host, its in facts.urgent.items() if (why := overruled(emergency, its, ended))}
    return replace(await stop_pool(deps, emergency, visit), later=later)


async def end_stop(deps: Deps, emergency_id: str, visit: VisitInput, outcomes: Sequence[HostOutcome]) -> None:
    """Note what became of the stop's hosts."""
    _, pool = await deps.pool(visit.cluster, visit.pool)
    lacking = await _owed(deps, await known_emergency(deps, emergency_id), outcomes)

    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        its = [h for h in hosts if h.stop == visit.visit]
        drain = before.spec.drain or pool.drain
        return EmergencyChange(emergency=before, hosts=after_stop(its, outcomes, drain.max_returns, lacking))

    await deps.store.change_emergency(emergency_id, change)


async def close_ended(deps: Deps, large: Emergency) -> None:
    """Note what became of hosts whose stops go on: a large-scale maintenance may hold the others for days, and what it
    does next depends on it.
    """
    store = deps.store
    open_rows = [h for h in await store.emergency_hosts(large.id) if h.state in BEGUN]
    for stop, pool_name in dict.fromkeys((h.stop, h.pool) for h in open_rows):
        outcomes = await store.outcomes(large.spec.cluster, visit=stop)
        if not {o.host for o in outcomes}.intersection(h.host for h in open_rows if h.stop == stop):
            continue
        _, pool = await deps.pool(large.spec.cluster, pool_name)
        returns = (large.spec.drain or pool.drain).max_returns
        lacking = await _owed(deps, large, outcomes)
        await store.change_emergency(large.id, _closing(outcomes, returns, lacking), stop=stop)


def _closing(outcomes: Sequence[HostOutcome], max_returns: int, lacking: Owed) -> Change:
    def change(before: Emergency, hosts: tuple[EmergencyHost, ...]) -> EmergencyChange:
        return EmergencyChange(emergency=before, hosts=ended_early(hosts, outcomes, max_returns, lacking))

    return change


async def _owed(deps: Deps, emergency: Emergency, outcomes: Sequence[HostOutcome]) -> Owed:
    """Hosts that came back without all that the emergency was to bring."""
    found = {row.operation: await deps.store.work(row.operation) for row in outcomes if came_back(row)}
    return owed(emergency.targets, outcomes, {name: work for name, work in found.items() if work is not None})


async def tell_large(deps: Deps, visit: str | None) -> None:
    """Have a large-scale maintenance look, for a host of this stop has ended while the others may be held."""
    large = ids.emergency_of(visit) if visit is not None else None
    if large is None or not large.startswith(ids.LARGE):
        return
    try:
        await deps.engine.wake(large)
    except Unreachable as error:
        activity.logger.warning(f"{large} was not told that a host of {visit} went to repair: {error}")
