"""What follows from a verification's answer. Inconclusive never returns a host and never counts against it."""

from enum import StrEnum

from fleet.models.base import Decision, Moment
from fleet.models.ledger import Autostop
from fleet.models.pool import Pool
from fleet.models.verification import Verdict, Verification
from fleet.policy.autostop import PAUSED


class VerifyNext(StrEnum):
    """What a host does after a verification."""

    GO_ON = "go_on"
    AGAIN = "again"
    HAND_OVER = "hand_over"


class AfterVerification(Decision):
    """The answer; `pause_train` asks that the pool's train stop and a person be paged."""

    next: VerifyNext
    pause_train: bool = False


def after_verification(
    verification: Verification, inconclusive_before: int, *, repair: bool = False
) -> AfterVerification:
    """Judge an answer, after `inconclusive_before` inconclusive ones in a row of the same task on the same host.

    `repair`: the host is in repair, where it is alone.
    """
    told = f"{verification.task}: {verification.summary}"
    if verification.verdict is Verdict.PASSED:
        return AfterVerification(next=VerifyNext.GO_ON, reason=told)
    if verification.verdict is Verdict.FAILED:
        return AfterVerification(next=VerifyNext.HAND_OVER, reason=told)
    if inconclusive_before < 1:
        return AfterVerification(next=VerifyNext.AGAIN, reason=f"{told}; it runs once more")
    return AfterVerification(
        next=VerifyNext.HAND_OVER,
        pause_train=counts_as_inconclusive(verification, repair=repair),
        reason=f"{told}, twice in a row: it goes to a person and counts against neither host nor upgrade",
    )


def counts_as_inconclusive(verification: Verification, *, repair: bool) -> bool:
    """True for an inconclusive answer that may lie with how hosts are verified, and so with more than one host.

    A host in repair that found no partner does not: a busy fleet is no reason to stop its train.
    """
    return verification.verdict is Verdict.INCONCLUSIVE and not (repair and verification.partnerless)


def pause_for_inconclusive(hosts_inconclusive: int, pool: Pool) -> Decision | None:
    """A reason to pause the pool's train when that many hosts have inconclusive verifications, else None."""
    most = pool.autostop.inconclusive_hosts
    if hosts_inconclusive < most:
        return None
    return Decision(
        reason=f"{hosts_inconclusive} hosts of {pool.name} have inconclusive verifications ({most} pause the train)"
    )


def is_paused(autostop: Autostop | None) -> bool:
    """True while the pool's train is paused already and only an operator lifts it: people know."""
    return autostop is not None and autostop.stopped and autostop.reason.startswith(PAUSED)


def holds_emergency(autostop: Autostop | None, began: Moment) -> bool:
    """True for a pause that came after an emergency began: then what judges its own hosts is broken, and it would hand
    over one after the other. It passes every other autostop.
    """
    paused = autostop if is_paused(autostop) else None
    return paused is not None and paused.since is not None and paused.since > began
