"""Which hosts that went down in production get a repair now, and which later, and why.

A host is lost when the scheduler shows it failed and no lease of ours holds it. One look proves little: it takes
several in a row, over a time. What a person set down or drained stays that person's; a drain that means *failed*, such
as a health check's, is respected too, and its host gets a repair that waits for it to be lifted.
"""

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

from fleet import ids
from fleet.models.base import Moment
from fleet.models.breaker import Breaker
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Loss, Noticed, NoticeFacts, Opening
from fleet.models.observation import Observation
from fleet.models.scheduler import Node
from fleet.models.stop import StopKind
from fleet.models.units import format_duration
from fleet.policy.breaker import at_least, breaker
from fleet.policy.sets import Place, is_settling, places
from fleet.policy.stopping import earliest, in_words

SCHEDULERS_OWN = ("Not responding*", "Node unexpectedly rebooted*")
"""Reasons that a scheduler writes by itself on a node that is down."""
_JUST = timedelta(microseconds=1)


def notice(facts: NoticeFacts) -> Noticed:
    """Decide, pool by pool. A look that failed, or that was judged before, tells nothing new."""
    look = facts.ledger.observation
    if look is not None and look.began_at <= facts.ledger.now:
        facts = _by_this_clock(facts, look.began_at)
    if look is None or look.error or any(x.seen >= look.began_at for x in facts.losses.values()):
        return _as_before(facts)
    where = places(facts.ledger)
    losses = _losses(facts, look, where)
    decided = [_of_pool(facts, pool.name, losses, look.began_at) for pool in facts.ledger.pools]
    opens = tuple(opening for pool in decided for opening in pool.opens)
    waiting = {host: why for pool in decided for host, why in pool.waiting.items()}
    return Noticed(
        losses=losses,
        opens=opens,
        breakers={pool.name: pool.breaker for pool in decided},
        waiting=waiting,
        reason=f"{len(losses)} hosts lost, {len(opens)} repairs opened",
    )


def _by_this_clock(facts: NoticeFacts, at: Moment) -> NoticeFacts:
    """Losses that were seen when it is not yet, for the clock was put back since, as if seen just before this look:
    else no look would tell anything new for as long as that.
    """
    moved = {host: _seen_before(x, at) for host, x in facts.losses.items() if x.seen > facts.ledger.now}
    return facts.model_copy(update={"losses": {**facts.losses, **moved}}) if moved else facts


def _seen_before(loss: Loss, at: Moment) -> Loss:
    by = loss.seen - at + _JUST
    return loss.model_copy(update={"since": loss.since - by, "seen": loss.seen - by})


def _as_before(facts: NoticeFacts) -> Noticed:
    waiting = {host: "the next look tells" for host, loss in facts.losses.items() if not loss.operation}
    return Noticed(losses=facts.losses, breakers=facts.breakers, waiting=waiting, reason="nothing new was seen")


def lost(node: Node | None, failed_reasons: tuple[str, ...]) -> str | None:
    """The drain that a failed node is under, empty for none; None when it is somebody's own doing, and theirs."""
    if node is None:
        return None
    reason = node.reason or ""
    if node.draining:
        return reason if any(fnmatchcase(reason, glob) for glob in failed_reasons) else None
    if not reason or ids.owned_reason(reason) is not None:
        return ""
    return "" if any(fnmatchcase(reason, glob) for glob in (*failed_reasons, *SCHEDULERS_OWN)) else None


def _losses(facts: NoticeFacts, look: Observation, where: dict[str, Place]) -> dict[str, Loss]:
    """The rows from now on: hosts that are failed without a lease, and those whose repair is under way."""
    kept: dict[str, Loss] = {}
    for name, place in where.items():
        known = facts.losses.get(name)
        if known is not None and (is_settling(place) or _in_its_repair(facts.ledger, known)):
            kept[name] = known
        if name in kept or place[0] is not HostSet.FAILED or name in facts.ledger.leases:
            continue
        seen = look.hosts.get(name)
        hold = lost(seen.node if seen is not None else None, facts.ledger.failed_reasons)
        if hold is not None:
            kept[name] = _seen_again(facts, known, name, hold, look.began_at)
    return kept


def _in_its_repair(ledger: LedgerFacts, loss: Loss) -> bool:
    lease = ledger.leases.get(loss.host)
    return lease is not None and lease.operation == loss.operation


def _seen_again(facts: NoticeFacts, known: Loss | None, name: str, hold: str, at: Moment) -> Loss:
    """One more look at a lost host; nothing is added where enough was seen. A loss whose repair has ended is over,
    unless it was left under the drain that it was under: whoever set that says *failed* still, against the repair. It
    is its pool's that has the host by now: a load may have moved it, and dropped the other.
    """
    ledger, pool = facts.ledger, facts.ledger.hosts[name].pool
    if known is not None and known.operation and not (hold and hold == known.hold):
        known = None
    if known is None:
        return Loss(cluster=ledger.cluster, host=name, pool=pool, since=at, seen=at, hold=hold)
    if known.pool != pool:
        known = known.model_copy(update={"pool": pool})
    if known.operation or (_due(known, facts.rule) and hold == known.hold):
        return known
    return known.model_copy(update={"seen": at, "looks": known.looks + 1, "hold": hold})


def _due(loss: Loss, rule: NoticeRule) -> bool:
    """Whether it was seen often and long enough."""
    return loss.looks >= rule.looks and loss.seen - loss.since >= rule.failed_for


class _Pool(NamedTuple):
    name: str
    breaker: Breaker
    opens: tuple[Opening, ...]
    waiting: dict[str, str]


def _of_pool(facts: NoticeFacts, name: str, losses: dict[str, Loss], now: Moment) -> _Pool:
    rule = facts.rule
    open_ = [x for x in losses.values() if x.pool == name and not x.operation]
    before = facts.breakers.get(name, Breaker(reason="it never tripped"))
    if not open_ and not before.tripped:
        return _Pool(name, before, (), {})
    due = [x for x in open_ if _due(x, rule)]
    opened = [x for x in facts.opened if x.pool == name]
    rate = sum(1 for x in (*[d.since for d in due], *[o.lost_at for o in opened]) if _counts(x, before))
    racks = _racks(facts.ledger, name)
    state = breaker(rule, before, open_, rate, racks, now)
    freeze = earliest([s for s in facts.ledger.stops if s.covers(facts.ledger.cluster, name)], StopKind.FREEZE)
    held = f"the breaker of pool {name} is tripped: {state.reason}" if state.tripped else ""
    held = held or (f"waits for a {in_words(freeze)}" if freeze is not None else "")
    allowed = at_least(rule.most, sum(map(len, racks.values()))) - len(opened)
    # New losses go first: those that the breaker closed on have waited, and can wait on.
    turn = sorted(due, key=lambda x: (not _counts(x.since, state), x.since, x.host))
    opens = () if held else tuple(_opening(x, facts) for x in turn[: max(0, allowed)])
    now_open = {o.host for o in opens}
    waiting = {x.host: held or _waits(x, x in due, rule) for x in open_ if x.host not in now_open}
    return _Pool(name, state, opens, waiting)


def _counts(lost_at: Moment, state: Breaker) -> bool:
    """Whether a loss may trip the breaker."""
    return state.counts_from is None or lost_at > state.counts_from


def _racks(ledger: LedgerFacts, pool: str) -> dict[str, Sequence[str]]:
    """The pool's members by rack; those without one under an empty name."""
    racks: dict[str, list[str]] = {}
    for host in ledger.hosts.values():
        if host.pool == pool and not host.decommissioned:
            racks.setdefault(host.rack or "", []).append(host.name)
    return dict(racks)


def _opening(loss: Loss, facts: NoticeFacts) -> Opening:
    look = facts.ledger.observation
    seen = look.hosts.get(loss.host) if look is not None else None
    node = seen.node if seen is not None else None
    shown = "drained" if loss.hold else str(node.base) if node is not None and not node.not_responding else "silent"
    said = f": {node.reason}" if node is not None and node.reason else ""
    lasted = format_duration(
        timedelta(seconds=round(((look.began_at if look else loss.seen) - loss.since).total_seconds()))
    )
    reason = f"it went down in production and has been {shown} for {lasted}{said}"
    return Opening(host=loss.host, found=(node.reason or "") if node is not None else "", reason=reason)


def _waits(loss: Loss, due: bool, rule: NoticeRule) -> str:
    if due:
        return f"a repair of it is opened later: no more than {rule.most} in {format_duration(rule.window)}"
    return f"seen failed in {loss.looks} looks; a repair is opened when that lasts {format_duration(rule.failed_for)}"
