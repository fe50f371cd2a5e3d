"""Every page that people can get: what happened, and what is to be done."""

from collections.abc import Sequence
from typing import NamedTuple

from fleet import ids
from fleet.errors import MaintrainError
from fleet.evidence import evidence_text
from fleet.hostlist import some
from fleet.models.base import Moment
from fleet.models.facts import TrainFacts
from fleet.models.host import Standing
from fleet.models.ledger import Autostop, LeaseHost
from fleet.models.lemon import Lemon
from fleet.models.operation import Operation
from fleet.models.override import OverrideInForce
from fleet.models.rungs import RungRecord
from fleet.models.scheduler import Node
from fleet.models.train import DomainProgress
from fleet.models.work import HostWork, StepOrder, StepRecord
from fleet.policy.draining import in_measurement
from fleet.policy.too_large import TooLarge


class Page(NamedTuple):
    """One page; `key` names the occasion, for which it is sent once."""

    key: str
    title: str
    body: str
    to: str = ""
    """One more address that it is for: a rollout owner's."""


def needs_repair(lease: LeaseHost, why: str, records: Sequence[StepRecord], rungs: Sequence[RungRecord]) -> Page:
    """A host in repair needs a person: its repair has no ladder, or the ladder ended."""
    stays = (
        f"It stays drained ({ids.drain_reason(ids.REPAIR, lease.operation)}) and counts against the failure buffer of "
        f"its pool.\nWhen it is repaired: maintrain host repaired {lease.host} --cluster {lease.cluster} --reason ..."
    )
    body = "\n\n".join(part for part in (why, evidence_text(records, rungs), stays) if part)
    return Page(lease.operation, f"{lease.cluster}/{lease.host} is out of production and needs repair", body)


def stands_still(lease: LeaseHost, why: str, rungs: int) -> Page:
    """The repair ladder of a host has come no further for long; told once for a rung."""
    body = (
        f"{why}\nIts workflow shows what is waited for: {lease.holder}. Your word goes first, as soon as nothing is "
        f"under way on it: maintrain host repaired|decommission {lease.host} --cluster {lease.cluster} --reason ..."
    )
    title = f"{lease.cluster}/{lease.host} is in repair, and its ladder stands still"
    return Page(f"slow/{lease.operation}/{rungs}", title, body)


def try_stands_still(lease: LeaseHost, why: str, attempt: str, steps: int) -> Page:
    """A person's own try of a repair has come no further for long; told once for each step of it."""
    body = (
        f"{why}\nIts workflow shows what is waited for: {lease.holder}. What has not begun gives way to a host that "
        f"leaves: maintrain host decommission {lease.host} --cluster {lease.cluster} --reason ..."
    )
    title = f"{lease.cluster}/{lease.host} is in repair, and a try of it stands still"
    return Page(f"still/{attempt}/{steps}/told", title, body)


def repair_failed(work: HostWork, records: Sequence[StepRecord]) -> Page:
    """A repaired host did not pass."""
    title = f"{work.cluster}/{work.host} did not pass after its repair"
    evidence = evidence_text(records, ())
    return Page(f"{work.operation}.{work.tries}", title, f"{work.trouble}\n\n{evidence}" if evidence else work.trouble)


def not_decommissioned(work: HostWork, order: str, error: BaseException) -> Page:
    """A host that was to leave for good is still here; `order` tells one person's word from the next."""
    body = f"{error}\nIt stays in repair. See: maintrain host show {work.host} --cluster {work.cluster}"
    return Page(
        f"decommission/{work.operation}/{order}", f"{work.cluster}/{work.host} could not be decommissioned", body
    )


def undrained(order: StepOrder, owned: str) -> Page:
    """Somebody undrained a host that was being changed."""
    return Page(
        f"undrained/{order.record}/{order.step.key}",
        f"{order.cluster}/{order.host} was undrained by another while it was being changed",
        f"Maintrain drained it again ({owned}); jobs started meanwhile are waited for.",
    )


def undrained_in_repair(work: HostWork, at: Moment) -> Page:
    """Somebody undrained a host that waits in repair."""
    return Page(
        f"undrained/{work.operation}/{at:%Y-%m-%dT%H}",
        f"{work.cluster}/{work.host} was undrained by another while it waits in repair",
        f"Maintrain drained it again. It is not verified: {work.trouble}\nWhen it is repaired: maintrain host repaired "
        f"{work.host} --cluster {work.cluster} --reason ...",
    )


def train_paused(cluster: str, pool: str, autostop: Autostop) -> Page:
    """Grants stopped by themselves."""
    body = (
        f"{autostop.reason}\nSee: maintrain ledger {cluster}. To resume: maintrain resume {cluster}/{pool} --reason ..."
    )
    return Page(f"autostop/{cluster}/{pool}/{autostop.since}", f"Autostop in {cluster}/{pool}", body)


def kept_by_jobs(facts: TrainFacts, domain: DomainProgress) -> Page:
    """Jobs have kept a domain as often as they may."""
    where, name = f"{facts.cluster}/{facts.pool.name}", domain.domain.name
    number = facts.cycle.number if facts.cycle else 0
    body = (
        f"It was given back {domain.give_backs} times, last: {domain.reason}. It is tried again later, and left out "
        f"when the cycle is due.\nSpeak with the jobs' owners, or: maintrain train skip {where} {name} --reason ..."
    )
    return Page(f"kept/{where}/{number}/{name}", f"Jobs keep {name} of {where} from its maintenance", body)


def too_large(facts: TrainFacts, found: TooLarge) -> Page:
    """Domains that no grant takes, so that they and the cycle wait for ever."""
    where, number = f"{facts.cluster}/{facts.pool.name}", facts.cycle.number if facts.cycle else 0
    body = (
        f"{found.why}.\nRaise the pool's planned buffer or lower its floor in the fleet file and load it, or leave the "
        f"domain out of this cycle: maintrain train skip {where} {found.first} --reason ..."
    )
    return Page(
        f"too-large/{where}/{number}/{found.most}", f"{where} can't be visited: {found.first} is too large", body
    )


def nobodys(cluster: str, standing: Standing, since: Moment | None) -> Page:
    """A host is out of production and neither a lease nor an outsider holds it."""
    key = f"unowned/{cluster}/{standing.host}/{standing.set}/{standing.reason}/{since}"
    return Page(key, f"{cluster}/{standing.host} is {standing.set} and nobody's", standing.reason)


def lemon(cluster: str, found: Lemon) -> Page:
    """A host keeps failing whatever boards."""
    body = (
        f"{found.reason}.\nIt returns only when a person says that it is repaired; where it is in production, its next "
        f"visit takes it out. See: maintrain host lemons {cluster}; then: maintrain host repaired|decommission "
        f"{found.host} --cluster {cluster} --reason ..."
    )
    return Page(f"lemon/{cluster}/{found.host}/{found.failures}", f"{cluster}/{found.host} is a lemon", body)


def late(lease: LeaseHost, node: Node | None) -> Page:
    """A lease is past its expected end; it is never taken back by the clock. `node` as last observed, where it was."""
    body = f"held by {lease.holder} since {lease.since:%Y-%m-%d %H:%M:%S}Z; it is not taken back by the clock"
    if node is not None and in_measurement(node):
        body += (
            f"\nIt is in our reservation {node.reservation}, in which the fabric is measured, and does not return out "
            "of it. Where no job runs in that and its hosts are drained, a dead worker left it behind: delete it."
        )
    op = ids.op_of(lease.holder)
    if op is not None:  # one page for all of its hosts
        body += f"\nHas whoever works there yet to report? maintrain op show {op}; maintrain op done {op} --reason …"
        return Page(f"late/{op}", f"{op} takes longer than expected: {lease.why}", body)
    large = ids.emergency_of(lease.holder) if lease.holder.startswith(ids.LARGE) else None
    if large is not None:  # one page a stop: a gate may hold hundreds of hosts while it waits for a person
        body += f"\nIts hosts may be held at the gate of their round: maintrain large status {large}"
        return Page(f"late/{lease.holder}", f"Hosts of {large} are out longer than expected", body)
    return Page(f"late/{lease.operation}", f"{lease.cluster}/{lease.host} is out longer than expected", body)


def operation_late(op: Operation) -> Page:
    """An outsider's work that has no host of ours in hands takes longer than expected."""
    body = (
        f"begun at {op.begun_at:%Y-%m-%d %H:%M:%S}Z on {op.scope}; nothing ends it but a word. "
        f"Has whoever works there yet to report? maintrain op show {op.id}; maintrain op done {op.id} --reason …"
    )
    return Page(f"late/{op.id}", f"{op.id} takes longer than expected: {op.spec.kind}: {op.spec.reason}", body)


def override_over(cluster: str, override: OverrideInForce) -> Page:
    """Somebody has a whole cluster in hands for longer than was allowed; it is not taken back by the clock."""
    body = (
        f"{override.holder} holds it since {override.since:%Y-%m-%d %H:%M:%S}Z by the word of {override.actor} "
        f"({override.reason}), until {override.told_until}. Buffers and floors are in "
        "force again, and broken by it. It is not taken back by the clock."
    )
    return Page(f"override/{override.request}", f"{cluster} is held past the end of an override", body)


def our_fault(activity_type: str, error: BaseException) -> Page:
    """An error outside the failure tree: a fault of Maintrain's own, retried until a mended release takes over."""
    what = f"{type(error).__name__}: {error}"[:300]
    body = (
        f"{what}\nThe step is tried again and again; its host stays in our hands. The traceback is in the worker's log."
    )
    return Page(f"fault/{activity_type}/{what}", f"Maintrain itself fails in {activity_type}", body)


def events_given_up(sink: str, cluster: str, count: int, why: str, at: Moment) -> Page:
    """A sink did not take events; told once an hour."""
    body = f"{why}\nSee: maintrain events sinks. What it missed: maintrain events list {cluster}"
    title = f"{count} events of {cluster} were given up for the sink {sink}"
    return Page(f"events/{sink}/{cluster}/{at:%Y-%m-%dT%H}", title, body)


def left_closed(cluster: str, reservation: str, hosts: Sequence[str]) -> Page:
    """A pin switch is over, and a reservation of it still closes hosts."""
    body = (
        f"{some(hosts)}: no job starts there. We made it, and the switch that it belongs to is over.\nIt is not ended "
        "by itself, since jobs would start on hosts that may carry another pin than the others: see that they carry "
        f"the one in force (maintrain fleet drift), then delete reservation {reservation} in the scheduler."
    )
    return Page(f"{cluster}/left/{reservation}", f"{cluster}: reservation {reservation} was left behind", body)


def left_measured(cluster: str, reservation: str, hosts: Sequence[str], error: MaintrainError) -> Page:
    """A measurement is over, and its reservation can't be ended."""
    body = (
        f"{some(hosts)}: no job starts there, and none of them returns, though nobody measures them any more. It is "
        f"tried again with every look.\n{error}"
    )
    return Page(f"{cluster}/left/{reservation}", f"{cluster}: reservation {reservation} can't be ended", body)
