"""Which hosts of a scope an operation asks for, which others keep and park on, and which it leaves out, by name."""

from collections.abc import Sequence

from fleet import ids
from fleet.models.base import Decision
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet
from fleet.models.ledger import Counted, Request, RequestClass
from fleet.models.operation import Operation, OperationSpec
from fleet.models.operation_part import OperationPart
from fleet.policy.joining_work import joins
from fleet.policy.sets import is_unseen, places


class OperationHosts(Decision):
    """The scope in one cluster, host by host."""

    own: tuple[str, ...]
    """Asked for; those in a visit's hands are waited for."""
    co_affected: dict[str, str]
    """Out already: whose they are, and why. Whoever works on them parks."""
    left_out: dict[str, str]
    """Not worked on, and why; only for work that can leave a host out."""


def split(op_id: str, spec: OperationSpec, scope: Sequence[str], facts: LedgerFacts) -> OperationHosts:
    """Split a scope's hosts. A hold can't leave a host out, since an outsider works on all of the scope; our own work
    is done on hosts that can be had.
    """
    own, out = [], {}
    where = places(facts) if spec.takes else {}
    seen = facts.observation.hosts if facts.observation is not None else {}
    for name in scope:
        found = where.get(name)
        if found is None:
            continue
        lease = facts.leases.get(name)
        if lease is not None and lease.holder != op_id and spec.parks and joins(spec.not_with, lease, seen.get(name)):
            out[name] = f"joined in the hands of {found[1]}: {found[2]}"
            continue
        up = found[0] in (HostSet.UP, HostSet.PLANNED) or (lease is None and is_unseen(found))
        if up or (lease is not None and (lease.holder == op_id or lease.counted is Counted.PLANNED)):
            own.append(name)
        else:
            hands = f"in repair by {found[1]}" if lease is not None else f"{found[0]} (owner: {found[1]})"
            out[name] = f"{hands}: {found[2]}"
    told = f"{len(own)} of {len(scope)} hosts to take" if spec.takes else f"{len(scope)} hosts, none is taken out"
    if spec.parks:
        return OperationHosts(own=tuple(own), co_affected=out, left_out={}, reason=told)
    return OperationHosts(own=tuple(own), co_affected={}, left_out=out, reason=told)


def request_for(
    op: Operation, cluster: str, scope: tuple[str, ...], hosts: OperationHosts, seconds: float
) -> Request | None:
    """The lease request of an operation in one cluster, expected to hold for so many seconds; None when there is nobody
    whom it could work on.
    """
    spec, takes = op.spec, bool(hosts.own) and op.spec.takes
    if not takes and spec.takes and not spec.parks:
        return None
    asked_at = op.submitted_at if spec.earliest is None else max(op.submitted_at, spec.earliest)
    return Request(
        id=op.id if len(spec.clusters) == 1 else ids.op_part(op.id, cluster),
        cluster=cluster,
        kind=RequestClass(spec.priority.value),
        holder=op.id,
        hosts=hosts.own if takes else scope,
        asked_at=asked_at,
        expected_seconds=seconds,
        actor=spec.actor,
        why=f"{spec.kind}: {spec.reason}",
        part=OperationPart(
            operation=op.id,
            kind=spec.kind,
            not_with=spec.not_with,
            scope=scope if spec.parks or not spec.takes else hosts.own,
            takes=takes,
            parks=spec.parks,
            clusters=spec.clusters,
        ),
    )
