"""Reservations of ours that their makers left behind, by what the scheduler shows and who holds the hosts in them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.pin import PinSwitch
from fleet.models.scheduler import Node
from fleet.models.work import StepAction, StepKind, StepRecord

Left = dict[str, tuple[str, ...]]
"""Hosts by the whole name of their reservation."""

LIFTED_WITHIN = timedelta(minutes=2)
"""Time after its end in which a pin switch may still be lifting its reservations."""


def measured_in(facts: LedgerFacts) -> Left:
    """Measurements' reservations without a job on any of their hosts: a measurement has ended, or not begun."""
    seen = facts.observation.hosts if facts.observation is not None else {}
    busy = {name for name, host in seen.items() if host.jobs}
    found = _reserved(facts, ids.FABRIC_RESERVATION)
    return {name: hosts for name, hosts in found.items() if not busy & set(hosts)}


def needed(lease: LeaseHost | None, last: StepRecord | None, node: Node | None) -> bool:
    """Whether a measurement's reservation may be all that keeps jobs off a host, now or in a moment. `last`: the last
    step that its lease's operation ended.

    A host is measured there with others of its visit or switch, each of which is at its verification then. One in
    repair has no such partners, and one that has passed its gate is not verified again: but their drains must hold.
    """
    if lease is None:
        return False
    passed = last is not None and last.step.partition(":")[0] == StepKind.GATE and last.action is StepAction.GO_ON
    over = lease.counted is Counted.FAILED or passed
    return not over or node is None or not node.draining


def closed_by_pins(facts: LedgerFacts) -> Left:
    """Reservations of pin switches."""
    return _reserved(facts, ids.PIN_RESERVATION)


def closed_by_nobody(facts: LedgerFacts, switches: Sequence[PinSwitch]) -> Left:
    """Reservations of pin switches that are over, and have had the time to lift them. `switches`: the cluster's."""
    found = closed_by_pins(facts)
    holding = (s for s in switches if not s.over or facts.now - s.changed_at < LIFTED_WITHIN)
    names = tuple(f"{ids.reservation(ids.pin_reservation(s.id))}_" for s in holding)
    return {name: hosts for name, hosts in found.items() if not f"{name}_".startswith(names)}


def _reserved(facts: LedgerFacts, prefix: str) -> Left:
    look, found = facts.observation, defaultdict[str, list[str]](list)
    if look is None or look.error:
        return {}
    for name, seen in sorted(look.hosts.items()):
        if seen.node is not None and seen.node.maintenance and (seen.node.reservation or "").startswith(prefix):
            found[seen.node.reservation or ""].append(name)
    return {name: tuple(hosts) for name, hosts in found.items()}
