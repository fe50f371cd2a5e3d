"""In which of the five sets a host is: our own leases first, then what the scheduler last showed.

What can't be told reads as *unknown*, never as *up*; how old the last look is, is for the grants to judge.
"""

from fnmatch import fnmatchcase

from fleet import ids
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet, Standing
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.observation import ObservedHost
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.draining import is_measured

OPERATOR = "operator"
JUST_RELEASED = "just released; not seen since"
NOT_OBSERVED = "not observed yet"
GIVEN_BACK = "was given away, and nobody holds it any more: a repair verifies it"

Place = tuple[HostSet, str | None, str]
"""Set, owner and reason: a `Standing` without its host, cheap enough for every host of a fleet."""

_UP: Place = (HostSet.UP, None, "in production")


def standing(
    host: Host,
    seen: ObservedHost | None,
    observed_at: Moment | None,
    lease: LeaseHost | None,
    failed_reasons: tuple[str, ...],
) -> Standing:
    """The one set a host is in, with the reason and who owns it while it is out.

    `failed_reasons` are globs of drain reasons that mean *failed*; `observed_at` is when the look at `seen` began.
    """
    where, owner, reason = place(host, seen, observed_at, lease, failed_reasons)
    return Standing(host=host.name, set=where, owner=owner, reason=reason)


def standings(facts: LedgerFacts) -> dict[str, Standing]:
    """Every member that is not decommissioned, in exactly one set."""
    return {
        name: Standing(host=name, set=where, owner=owner, reason=reason)
        for name, (where, owner, reason) in places(facts).items()
    }


def places(facts: LedgerFacts) -> dict[str, Place]:
    """`standings` without the models."""
    look = facts.observation
    seen, observed_at = (look.hosts, look.began_at) if look else ({}, None)
    leases, reasons = facts.leases, facts.failed_reasons
    return {
        name: place(host, seen.get(name), observed_at, leases.get(name), reasons)
        for name, host in facts.hosts.items()
        if not host.decommissioned
    }


def place(
    host: Host,
    seen: ObservedHost | None,
    observed_at: Moment | None,
    lease: LeaseHost | None,
    failed_reasons: tuple[str, ...],
) -> Place:
    """`standing` without the model."""
    if lease is not None:
        where = HostSet.PLANNED if lease.counted is Counted.PLANNED else HostSet.FAILED
        return where, lease.holder, lease.why or f"leased to {lease.holder}"
    if observed_at is None or seen is None:
        # Never looked at, or a member only since the last look: the next one tells.
        return HostSet.UNKNOWN, ids.dispatcher(host.cluster), NOT_OBSERVED
    if seen.node is None:
        found: Place = (HostSet.UNKNOWN, OPERATOR, "the scheduler does not list it")
    else:
        found = _given(host, seen.node, failed_reasons) or _shown(host, seen.node, failed_reasons)
        if host.given and found[0] is HostSet.UP:
            # It was failed when we let it go, and whoever had it has not shown that it is well.
            found = HostSet.UNKNOWN, ids.dispatcher(host.cluster), GIVEN_BACK
    old = host.released_at is not None and observed_at <= host.released_at
    if old and found[0] in (HostSet.FAILED, HostSet.UNKNOWN):
        # A look begun under our lease shows what we did to the host, not how we left it.
        return HostSet.UNKNOWN, ids.dispatcher(host.cluster), JUST_RELEASED
    return found


def _given(host: Host, node: Node, failed_reasons: tuple[str, ...]) -> Place | None:
    """Who was given a host may switch it off: it is theirs as long as their drain is on it, or one that tells more."""
    reason = node.reason
    if not (host.given and node.draining and reason):
        return None
    if reason == host.given:
        return HostSet.FOREIGN, reason, f"given away: {reason}"
    if ids.owned_reason(reason) is not None or any(fnmatchcase(reason, glob) for glob in failed_reasons):
        return None
    return HostSet.FOREIGN, reason, f"given away ({host.given}), by now: {reason}"


def is_settling(where: Place) -> bool:
    """True for a host that is out only until the dispatcher has looked again."""
    return where[2] == JUST_RELEASED


def is_unseen(where: Place) -> bool:
    """True for a host of which only the dispatcher's next look tells whether it is up."""
    return where[2] in (JUST_RELEASED, NOT_OBSERVED)


def _shown(host: Host, node: Node, failed_reasons: tuple[str, ...]) -> Place:
    """Where a host is by its node alone, no lease being on it."""
    if node.base in (NodeBase.UNKNOWN, NodeBase.FUTURE, NodeBase.ERROR):
        return HostSet.UNKNOWN, OPERATOR, f"the scheduler shows it as {node.base}"
    if node.base is NodeBase.DOWN or node.not_responding:
        # Down goes before any drain: a dead node that somebody also drained is still dead.
        word = "down" if node.base is NodeBase.DOWN else "not responding"
        return HostSet.FAILED, OPERATOR, f"{word}: {node.reason}" if node.reason else word
    if node.draining:
        return _drained(node, failed_reasons)
    return _taken_otherwise(host, node)


def _taken_otherwise(host: Host, node: Node) -> Place:
    """Where a host is that is neither broken nor drained."""
    if is_measured(node):
        told = f"left in our reservation {node.reservation}, whose measurement is over: the dispatcher ends it"
        return HostSet.UNKNOWN, ids.dispatcher(host.cluster), told
    if node.maintenance and (node.reservation or "").startswith(ids.PIN_RESERVATION):
        told = f"closed to jobs by a pin switch of ours: maintrain pin status {host.cluster}"
        return HostSet.FOREIGN, f"our reservation {node.reservation}", told
    if node.maintenance:
        return HostSet.FOREIGN, f"reservation {node.reservation}", "in a maintenance reservation"
    if not node.powered:
        return HostSet.FOREIGN, "power saving", "powered down or changing power by the scheduler"
    if node.rebooting:
        return HostSet.FOREIGN, node.reason or "a reboot asked of the scheduler", "rebooting, and not by us"
    return _UP


def _drained(node: Node, failed_reasons: tuple[str, ...]) -> Place:
    """Whose drain it is, no lease being on the host."""
    if ids.owned_reason(node.reason) is not None:
        return HostSet.UNKNOWN, OPERATOR, f"orphan: drained by us ({node.reason}) with no lease"
    if not node.reason:
        return HostSet.FOREIGN, "somebody who gave no reason", "drained by another without a reason"
    if any(fnmatchcase(node.reason, glob) for glob in failed_reasons):
        return HostSet.FAILED, OPERATOR, f"drained as failed: {node.reason}"
    return HostSet.FOREIGN, node.reason, f"drained by another: {node.reason}"
