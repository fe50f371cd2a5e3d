"""Which hosts of a domain a visit may ask for, and why the others are left out, by name."""

from collections.abc import Sequence

from fleet import ids
from fleet.models.base import Decision
from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Counted, LeaseHost
from fleet.policy.sets import is_unseen, place


class Taking(Decision):
    """Hosts a visit asks for, and the rest with the reason each."""

    taken: tuple[str, ...]
    left_out: dict[str, str]


def free_to_take(hosts: Sequence[str], facts: LedgerFacts, pool: str) -> Taking:
    """Split the hosts of a pool's domain by whether they are free. A domain is cut for its whole cycle: a host that has
    another pool since is that one's to visit, and what was granted to its jobs is kept there.

    A host that was released a moment ago and not seen since is asked for too, and so is one that no look has shown yet,
    as it was just synced: its grant waits for the next look, and judges it by that; left out, it would wait a whole
    cycle. The same goes for an observation that has grown stale, and for a host that an emergency has in hands: it is
    waited for, and its visit takes place after that.
    """
    taken, left_out = [], {}
    for name in dict.fromkeys(hosts):
        why = _why_not(facts.hosts.get(name), facts.leases.get(name), facts, pool)
        if why:
            left_out[name] = why
        else:
            taken.append(name)
    reason = f"{len(taken)} of {len(taken) + len(left_out)} hosts are free to take"
    return Taking(taken=tuple(taken), left_out=left_out, reason=reason)


def _why_not(host: Host | None, lease: LeaseHost | None, facts: LedgerFacts, pool: str) -> str:
    """Why a host is not free; empty when it is."""
    if host is None or not_here(host, pool):
        return not_here(host, pool)
    if lease is not None and lease.counted is Counted.PLANNED and ids.emergency_of(lease.holder) is not None:
        return ""
    if lease is not None:
        hands = "in repair by" if lease.counted is Counted.FAILED else "in the hands of"
        return f"{hands} {lease.holder}" + (f": {lease.why}" if lease.why else "")
    look = facts.observation
    seen, at = (look.hosts.get(host.name), look.began_at) if look else (None, None)
    found = place(host, seen, at, None, facts.failed_reasons)
    where, owner, reason = found
    if where is HostSet.UP or is_unseen(found):
        return ""
    return f"foreign: {owner}" if where is HostSet.FOREIGN else f"{where}: {reason}"


def not_here(host: Host | None, pool: str) -> str:
    """Why a host is not the pool's, and so not its visits' to take; empty when it is."""
    if host is None:
        return "no longer in the pool"
    if host.decommissioned:
        return "decommissioned"
    return "" if host.pool == pool else f"no longer in the pool: it is in {host.pool}"
