"""When a host counts as drained, whether the drain is still ours, and what happens to jobs at the deadline.

A host is drained only if one view, begun after the drain was acknowledged, shows the flag, an idle base state, nothing
completing, silent or powering, and no job on it. Everything less is draining, somebody else's, or doubt.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

from fleet.ids import FABRIC_RESERVATION
from fleet.models.base import Decision
from fleet.models.pool import AtDeadline, DrainPolicy
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState, Node, NodeBase
from fleet.models.units import format_duration


class DrainState(StrEnum):
    """How far a drain of ours is."""

    DRAINED = "drained"
    DRAINING = "draining"
    FOREIGN = "foreign"
    """Another's reason is on the drain: it is respected."""
    UNDRAINED = "undrained"
    """The drain flag is gone."""
    MEASURED = "measured"
    """Undrained by us, in a maintenance reservation of ours, for a measurement: no job can start, nobody may act."""
    DOWN = "down"
    DOUBTFUL = "doubtful"
    """It can't be told from this view; look again."""


class Drained(Decision):
    """The answer about one host; `jobs` are those that hold it, or any host that is measured together with it."""

    state: DrainState
    jobs: tuple[str, ...] = ()


class AtDeadlineDecision(Decision):
    """What happens to each job, by job id. With `give_back` no job is touched and the host is given back."""

    requeue: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    wait: tuple[str, ...] = ()
    give_back: bool = False


def drained(host: str, owned_reason: str, view: ClusterView, acknowledged: float) -> Drained:
    """Judge a drain of ours before anything on the host is changed.

    `owned_reason` is the reason we wrote; `acknowledged` the monotonic second, by the clock of `view.began`, at which
    the scheduler had acknowledged the drain.
    """
    return _judge(host, owned_reason, view, acknowledged, rebooting=False)


def still_ours(host: str, owned_reason: str, view: ClusterView, acknowledged: float, *, rebooting: bool) -> Drained:
    """Judge again before a flash or reboot, and at the gate. `DRAINED` means: go on.

    With `rebooting` a node that a reboot (ours, or in repair a person's) left down or silent passes too, as long as
    drain flag and reason are ours and no job is on it.
    """
    return _judge(host, owned_reason, view, acknowledged, rebooting=rebooting)


def _judge(host: str, owned_reason: str, view: ClusterView, acknowledged: float, *, rebooting: bool) -> Drained:
    node = view.nodes.get(host)
    if view.began <= acknowledged:
        return Drained(state=DrainState.DOUBTFUL, reason="the view is too old: it began before the drain was certain")
    if node is None:
        return Drained(state=DrainState.DOUBTFUL, reason=f"the scheduler does not list {host}")
    jobs = tuple(sorted(j.id for j in view.jobs_on(host)))
    lost = _not_ours(node, owned_reason, jobs, view)
    if lost is not None:
        return lost
    if rebooting and not jobs and _left_by_reboot(node):
        return Drained(state=DrainState.DRAINED, reason="a reboot left the node down; drain and reason are ours")
    state, reason = _progress(node, jobs)
    return Drained(state=state, jobs=jobs, reason=reason)


def _not_ours(node: Node, owned_reason: str, jobs: tuple[str, ...], view: ClusterView) -> Drained | None:
    """An answer when the node can't be believed or the drain is no longer ours, else None."""
    if node.base not in (NodeBase.IDLE, NodeBase.ALLOCATED, NodeBase.MIXED, NodeBase.DOWN):
        return Drained(state=DrainState.DOUBTFUL, jobs=jobs, reason=f"the node's state is {node.base}")
    if node.draining and node.reason != owned_reason:
        holder = repr(node.reason) if node.reason else "no reason at all"
        return Drained(state=DrainState.FOREIGN, jobs=jobs, reason=f"the drain carries another's reason: {holder}")
    if node.draining:
        return None
    if node.base is NodeBase.DOWN:
        return Drained(state=DrainState.DOWN, jobs=jobs, reason=f"the node is down and not drained ({node.reason})")
    if is_measured(node):
        told = f"the fabric is measured with it, in our reservation {node.reservation}"
        return Drained(state=DrainState.MEASURED, jobs=_measuring(node, view), reason=told)
    return Drained(state=DrainState.UNDRAINED, jobs=jobs, reason="the drain flag is gone; somebody undrained the node")


def lost_sight_of(doubtful: Drained, within: timedelta) -> Drained:
    """A host that could not be placed for as long as one may take to be back from a reboot: down, whatever is shown."""
    reason = f"{doubtful.reason}, for {format_duration(within)} and more"
    return Drained(state=DrainState.DOWN, jobs=doubtful.jobs, reason=reason)


def is_measured(node: Node) -> bool:
    """True for a node without a drain on which only our own measurement can run: its reservation keeps jobs away."""
    return in_measurement(node) and not node.draining


def measured_among(hosts: Iterable[str], view: ClusterView) -> Drained | None:
    """The first of these hosts that a measurement has undrained, with the measurement's jobs; None where none is."""
    for name in hosts:
        node = view.nodes.get(name)
        if node is not None and is_measured(node):
            told = f"the fabric is measured with {name}, in our reservation {node.reservation}"
            return Drained(state=DrainState.MEASURED, jobs=_measuring(node, view), reason=told)
    return None


def in_measurement(node: Node) -> bool:
    """True for a node in a reservation of ours for a measurement, which begins and ends with the node drained."""
    return (node.reservation or "").startswith(FABRIC_RESERVATION) and node.maintenance


def _measuring(node: Node, view: ClusterView) -> tuple[str, ...]:
    """Jobs on any host of its reservation: the measurement goes on while only others of them are run on."""
    hosts = {name for name, other in view.nodes.items() if other.reservation == node.reservation}
    return tuple(sorted(j.id for j in view.jobs.values() if j.holds and not hosts.isdisjoint(j.hosts)))


def _left_by_reboot(node: Node) -> bool:
    return node.base is NodeBase.DOWN or (node.base is NodeBase.IDLE and (node.not_responding or node.rebooting))


def _progress(node: Node, jobs: tuple[str, ...]) -> tuple[DrainState, str]:
    """State of a drain that carries our flag and reason."""
    down = "the node is down, which is never drained: a job's processes may still run"
    on_it = f"{len(jobs)} job(s) still on it: {', '.join(jobs[:5])}"
    obstacles = (
        (node.base is NodeBase.DOWN, DrainState.DOWN, down),
        (node.not_responding, DrainState.DOUBTFUL, "the node does not respond to the scheduler"),
        (not node.powered, DrainState.DOUBTFUL, "the node is being powered down or up"),
        (node.rebooting, DrainState.DOUBTFUL, "the scheduler is about to reboot the node"),
        (bool(jobs), DrainState.DRAINING, on_it),
        (node.completing, DrainState.DRAINING, "a job on it is completing"),
        (node.base is not NodeBase.IDLE, DrainState.DRAINING, f"the node is still {node.base}"),
    )
    drained_by_us = (DrainState.DRAINED, "drained by us, idle, and without a job")
    return next(((state, reason) for found, state, reason in obstacles if found), drained_by_us)


def at_deadline(jobs: Sequence[Job], policy: DrainPolicy, waited: timedelta) -> AtDeadlineDecision:
    """What happens to the jobs that hold a draining host, `waited` after the drain began.

    Before the deadline all are waited for. A job that is completing already is waited for at any time.
    """
    holding = [j for j in jobs if j.holds]
    if waited < policy.deadline:
        left = format_duration(policy.deadline - waited)
        return AtDeadlineDecision(wait=_ids(holding), reason=f"{len(holding)} job(s) have {left} left to end")
    answers = {j.id: fate(j, policy) for j in holding}
    giving = sorted(job for job, answer in answers.items() if answer is AtDeadline.GIVE_BACK)
    if giving:
        return AtDeadlineDecision(
            give_back=True, reason=f"the host is given back: job {giving[0]} may be neither requeued nor cancelled"
        )
    requeue, cancel, wait = (
        tuple(sorted(job for job, answer in answers.items() if answer is wanted))
        for wanted in (AtDeadline.REQUEUE, AtDeadline.CANCEL, AtDeadline.WAIT)
    )
    return AtDeadlineDecision(
        requeue=requeue,
        cancel=cancel,
        wait=wait,
        reason=f"the drain deadline of {format_duration(policy.deadline)} has come: "
        f"{len(requeue)} job(s) to requeue, {len(cancel)} to cancel, {len(wait)} to wait for",
    )


def fate(job: Job, policy: DrainPolicy) -> AtDeadline:
    """What happens to a job that still holds its host at the deadline."""
    if job.ours or job.state is JobState.COMPLETING:
        return AtDeadline.WAIT  # a job of ours has a short time limit, and a measurement in it
    return {
        JobKind.REQUEUEABLE: policy.requeueable,
        JobKind.NOT_REQUEUEABLE: policy.not_requeueable,
        JobKind.INTERACTIVE: policy.interactive,
    }[job.kind]


def went(before: Job, now: Job | None) -> bool:
    """Whether the run of a job that was seen before is over, or ends: it was requeued or cancelled, or ended itself."""
    if now is None or not now.holds or now.restarts > before.restarts:
        return True
    return now.state is JobState.COMPLETING and before.state is not JobState.COMPLETING


def _ids(jobs: Sequence[Job]) -> tuple[str, ...]:
    return tuple(sorted(j.id for j in jobs))
