"""Why a request waits, for whom, until when, and what would be granted next: the grants' own policy, run on the facts
as they will be when leases have ended. So the answer is the one that the dispatcher would give.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from fleet.hostlist import some
from fleet.models.base import Decision, Fact, Moment
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Counted, LeaseHost, Request, Settlement, WaitKind
from fleet.models.observation import ObservedHost
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.grants import settle

MOST_ENDS = 40
"""Ends of leases that are looked ahead to."""


class Blocker(Fact):
    """A lease's holder that a request waits for."""

    holder: str
    hosts: tuple[str, ...]
    until: Moment | None
    """When its leases are expected to have ended."""


class Explanation(Decision):
    """Why one request waits; `reason` is what the grants' policy says now."""

    request: str
    since: Moment
    kind: WaitKind | None
    """None when it could be granted at the next settling."""
    ahead: int
    """Waiting requests of the cluster that were asked before it."""
    blockers: tuple[Blocker, ...]
    expected_at: Moment | None
    """When it is granted if leases end as expected and nobody comes before it; None when that can't be told."""


class Next(Decision):
    """Requests that are granted at the next settling, or else when the first leases end that let one begin."""

    requests: tuple[str, ...]
    at: Moment | None


def explain(facts: LedgerFacts, request: Request) -> Explanation:
    """Why a waiting request waits."""
    now = settle(facts)
    wait = next((w for w in now.waits if w.request == request.id), None)
    if wait is None:
        return Explanation(
            request=request.id,
            since=request.asked_at,
            kind=None,
            ahead=0,
            blockers=(),
            expected_at=facts.now,
            reason="can begin at the next settling",
        )
    scope = request.part.scope if request.part is not None else request.hosts
    at = next((at for at, later in _ahead(facts) if _granted(later, request.id)), None)
    return Explanation(
        request=request.id,
        since=request.asked_at,
        kind=wait.kind,
        ahead=sum(1 for r in facts.requests if r.asked_at < request.asked_at),
        blockers=_blockers(facts, scope),
        expected_at=at,
        reason=wait.reason,
    )


def next_grants(facts: LedgerFacts) -> Next:
    """What would be granted next, and when."""
    now = settle(facts)
    if now.grants:
        return Next(requests=tuple(g.request for g in now.grants), at=facts.now, reason="at the next settling")
    for at, later in _ahead(facts):
        if later.grants:
            names = tuple(g.request for g in later.grants)
            told = f"when the leases that are expected to end by {at.isoformat(' ', 'seconds')} have"
            return Next(requests=names, at=at, reason=told)
    told = "no request waits" if not facts.requests else "no request can begin when leases end as they are expected to"
    return Next(requests=(), at=None, reason=told)


def _ahead(facts: LedgerFacts) -> Iterator[tuple[datetime, Settlement]]:
    """The settlings after each expected end of leases, the soonest first; planned ones, since of a repair nobody knows
    when it ends. An end that is overdue counts as now.
    """
    ends = {_end(x, facts) for x in facts.leases.values()} - {None}
    for at in sorted(end for end in ends if end is not None)[:MOST_ENDS]:
        yield at, settle(_without(facts, at))


def _end(lease: LeaseHost, facts: LedgerFacts) -> datetime | None:
    if lease.expected_end is None or lease.counted is not Counted.PLANNED:
        return None
    return max(lease.expected_end, facts.now)


def _without(facts: LedgerFacts, at: datetime) -> LedgerFacts:
    """The facts as they will be when the leases that are expected to end by then have, and their hosts are up again."""
    gone = {name for name, lease in facts.leases.items() if (end := _end(lease, facts)) is not None and end <= at}
    leases = {name: lease for name, lease in facts.leases.items() if name not in gone}
    holders = {facts.leases[name].holder for name in gone} - {lease.holder for lease in leases.values()}
    look = facts.observation
    if look is not None:
        idle = {n: ObservedHost(host=n, node=Node(name=n, base=NodeBase.IDLE)) for n in gone}
        look = look.model_copy(update={"began_at": at, "hosts": {**look.hosts, **idle}})
    operations = tuple(op for op in facts.operations if op.operation not in holders)
    return facts.model_copy(update={"now": at, "leases": leases, "observation": look, "operations": operations})


def _granted(settlement: Settlement, request: str) -> bool:
    return any(grant.request == request for grant in settlement.grants)


def _blockers(facts: LedgerFacts, scope: Sequence[str]) -> tuple[Blocker, ...]:
    """Who holds the hosts of a scope; where nobody does, who holds others of the same pools, and so their buffers."""
    pools = {facts.hosts[name].pool for name in scope if name in facts.hosts}
    here = [facts.leases[name] for name in scope if name in facts.leases]
    found = here or [
        lease for name, lease in facts.leases.items() if name in facts.hosts and facts.hosts[name].pool in pools
    ]
    by_holder: dict[str, list[LeaseHost]] = {}
    for lease in found:
        by_holder.setdefault(lease.holder, []).append(lease)
    return tuple(_blocker(holder, leases) for holder, leases in sorted(by_holder.items()))


def _blocker(holder: str, leases: Sequence[LeaseHost]) -> Blocker:
    ends = [lease.expected_end for lease in leases]
    until = max((end for end in ends if end is not None), default=None) if None not in ends else None
    return Blocker(holder=holder, hosts=tuple(sorted(lease.host for lease in leases)), until=until)


def explanation_lines(told: Explanation) -> list[str]:
    """An explanation for people."""
    lines = [f"waits since {told.since:%F %T}: {told.reason}"]
    lines += [
        f"  {b.holder} holds {some(b.hosts)}" + (f", expected back by {b.until:%F %T}" if b.until else ", end unknown")
        for b in told.blockers
    ]
    if told.kind is not None:
        when = f"about {told.expected_at:%F %T}" if told.expected_at else "can't be told"
        lines.append(f"  {told.ahead} requests were asked before it; expected to be granted: {when}")
    return lines
