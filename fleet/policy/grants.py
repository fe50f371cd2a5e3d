"""Who may begin: every waiting request of a cluster, granted whole or told in words what it waits for.

The queue: repair, then emergencies, then requests older than their pool's `reserve_after` by age alone, then the
rest by class and age. An old request whose hosts and numbers others will give back reserves them: whatever comes
after it in the queue can't take them, whatever does not touch them passes, and repair and emergencies stand before
it. So an old request waits only for leases that were there when it grew old, for requests asked before it, and for
emergencies; one that waits for something else (a stop, a failed or foreign host, a floor out of reach) reserves
nothing, as nobody could say for how long.

The requests of a joint visit are one in this: granted together or not at all (`fleet.policy.parties`).

A pin switch takes every host that is up at once, and so waits until none is out by plan; it passes buffers and floors
by its audited override. While it holds, nothing but repair begins.

Planned work is granted where it fits into what is open of its pools' windows, and no grant takes hosts of more replica
groups than may have hosts out, whatever took the others.

An emergency goes before all that takes hosts from production. While it has hosts to take in a pool nothing else begins
there; its requests take what can be had, and pass buffer and floor by the numbers that its override names.
A large-scale maintenance is the same after emergencies, but that it waits for autostops and windows, and keeps its
pools to itself until its last host is back.
"""

from datetime import datetime
from functools import lru_cache

from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Grant, RequestClass, RequestState, Settlement, Wait, WaitKind
from fleet.policy.balance import Balance
from fleet.policy.crowd import TOLD, Crowd
from fleet.policy.obstacles import Obstacle, barred, busy
from fleet.policy.partial import narrowed
from fleet.policy.parties import parties
from fleet.policy.pool_balance import Ask
from fleet.policy.together import apart

_RANK = {kind: rank for rank, kind in enumerate(RequestClass)}
_AGED = 1.5
"""After emergencies, before every other class."""


def settle(facts: LedgerFacts, together: str = "", in_full: int = TOLD) -> Settlement:
    """Decide on every waiting request of a cluster; pure, to be committed in the transaction that read the facts.

    An operation over several clusters is granted only where it is the one named by `together`
    (`fleet.policy.together`). Of each pool's queue `in_full` requests are told all that they wait for.
    """
    balance = Balance.of(facts)
    queue = [balance.ask(r, facts) for r in facts.requests if r.state is RequestState.WAITING]
    queue.sort(key=_turn)
    grants, waits = [], []
    crowd = Crowd(balance, in_full)
    for asked in parties(queue, facts):
        if (far := crowd.behind(asked.whole)) is not None:
            waits += [_far(ask.request.id, far) for ask in asked.asks]
            continue
        party = narrowed(asked, balance)
        whole = party.whole
        bar = Obstacle(WaitKind.PARTNER, party.missing) if party.missing else barred(whole, balance, party.asks)
        why = bar or busy(whole, balance) or apart(whole, together)
        if why:
            waits += [Wait(request=ask.request.id, kind=why.kind, reason=why.why) for ask in party.asks]
            crowd.told(whole)
            if not bar and whole.aged and not whole.is_repair and balance.within_reach(whole):
                balance.reserve(whole)
            continue
        for ask in party.asks:
            balance.grant(ask)
        for ask in party.asks:
            hosts = ask.hosts if ask.is_switch or ask.request.partial else ()
            grants.append(Grant(request=ask.request.id, hosts=hosts, reason=_granted(ask, balance) + party.note))
    return Settlement(
        grants=tuple(grants),
        waits=tuple(waits),
        autostops={name: pool.autostop for name, pool in balance.pools.items()},
        reason=f"{len(grants)} granted, {len(waits)} waiting",
    )


@lru_cache(maxsize=20_000)
def _far(request: str, told: Obstacle) -> Wait:
    """Thousands are told the same in one settling after the other."""
    return Wait(request=request, kind=told.kind, reason=told.why)


def _turn(ask: Ask) -> tuple[float, datetime, str]:
    rank: float = _RANK[ask.request.kind]
    if ask.aged and rank > _AGED:
        rank = _AGED
    return rank, ask.request.asked_at, ask.request.id


def _granted(ask: Ask, balance: Balance) -> str:
    """What a grant leaves of the limits, in numbers."""
    if ask.is_repair:
        return f"{len(ask.hosts)} hosts that are out already, for repair"
    override = ask.request.override
    if override is not None and override.whole:
        return f"all {len(ask.hosts)} hosts that are up, past buffers and floors: {override.reason} ({override.actor})"
    after = (
        f"pool {pool.pool.name}: planned {pool.planned} of {pool.limits_for(ask).planned_buffer}, "
        f"{pool.up} up with a floor of {pool.limits_for(ask).floor}"
        for pool, _ in balance.of_ask(ask)
    )
    beyond = f"; by the override {override.numbers}: {override.reason} ({override.actor})" if override else ""
    return f"{len(ask.hosts)} hosts; " + "; ".join(after) + beyond
