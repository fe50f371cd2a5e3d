"""Nothing that is out is without an owner: leases whose holder is gone, and outages that nobody of ours holds."""

from collections.abc import Collection, Iterable, Mapping

from fleet import ids
from fleet.models.base import Decision, Moment
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet, Standing
from fleet.models.ledger import Counted, LeaseHost
from fleet.policy.draining import is_measured
from fleet.policy.sets import OPERATOR, places


class Ownerless(Decision):
    """A leased host whose workflows are gone: it goes to repair in state *unknown*."""

    host: str
    operation: str
    holder: str


def vanished(
    leases: Iterable[LeaseHost], running: Mapping[str, bool], asked_at: Moment | None = None
) -> tuple[Ownerless, ...]:
    """Leases that neither their host's workflow nor their holder looks after any more.

    `running` says of workflow ids whether a run is open; an id that was not asked about counts as running. Leases
    written at or after `asked_at`, when the asking began, are left for the next time.
    """
    found = []
    for lease in leases:
        if asked_at is not None and lease.since >= asked_at:
            continue
        keeper = ids.host(lease.cluster, lease.host)
        if running.get(keeper, True) or running.get(lease.holder, True):
            continue
        gone = keeper if keeper == lease.holder else f"{keeper} and {lease.holder}"
        reason = f"leased since {lease.since.isoformat(sep=' ', timespec='seconds')}, and {gone} no longer run"
        found.append(Ownerless(host=lease.host, operation=lease.operation, holder=lease.holder, reason=reason))
    return tuple(found)


def unowned(facts: LedgerFacts) -> tuple[Standing, ...]:
    """Hosts that are out with no lease and no named outsider, by name: a person owns them and is paged, once."""
    return tuple(
        Standing(host=name, set=where, owner=owner, reason=reason)
        for name, (where, owner, reason) in sorted(places(facts).items())
        if owner == OPERATOR and name not in facts.leases and where in (HostSet.FAILED, HostSet.UNKNOWN)
    )


def undrained(facts: LedgerFacts, held: Collection[str] = ()) -> tuple[str, ...]:
    """Hosts in repair, and of the operation ids that are `held` for outsiders, that the last good look, begun after
    their lease, shows without any drain: jobs may start there.

    Their repairs decide what to do: one that is just returning its host lifted the drain itself. Where the fabric is
    being measured in a reservation of ours no job can start.
    """
    look = facts.observation
    if look is None or look.error:
        return ()
    out = (x for x in facts.leases.values() if x.counted is Counted.FAILED or x.operation in held)
    seen = ((lease.host, look.hosts.get(lease.host)) for lease in out if lease.since < look.began_at)
    nodes = ((host, found.node) for host, found in seen if found is not None)
    return tuple(sorted(h for h, node in nodes if node is not None and not node.draining and not is_measured(node)))
