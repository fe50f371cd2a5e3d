"""When a pool's grants stop by themselves, and when they may go on.

A cause that comes and goes must not make grants come and go with it: it has to stay gone for the pool's `settle`.
"""

from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.ledger import Autostop
from fleet.models.pool import AutostopResume, Pool
from fleet.models.units import format_duration
from fleet.policy.limits import Limits

PAUSED = "paused:"
"""Opens the reason of an autostop that was set from outside (a train that pauses itself): only an operator lifts it."""
NEVER_OBSERVED = "the fleet has not been observed yet"
_GONE = "; gone since "


def autostop(
    pool: Pool,
    limits: Limits,
    failed: int,
    observation_age: timedelta | None,
    before: Autostop,
    now: Moment,
) -> Autostop:
    """A pool's autostop from now on. `observation_age` is None while there has been no observation.

    An operator's resume is a stored `stopped=False`; it holds unless the cause is still there.
    """
    cause = _cause(pool, limits, failed, observation_age)
    if before.stopped and before.reason.startswith(PAUSED):
        return before
    if cause:
        since = before.since if before.stopped else now
        return Autostop(stopped=True, since=since, reason=cause)
    if not before.stopped:
        return before
    if before.reason == NEVER_OBSERVED:
        # A first look is a start, not a cause that went away: there is nothing to settle.
        return Autostop(stopped=False, reason="observed")
    return _clearing(pool, before, now)


def _cause(pool: Pool, limits: Limits, failed: int, observation_age: timedelta | None) -> str:
    """Why grants must stop now; empty when nothing speaks against them."""
    if observation_age is None:
        return NEVER_OBSERVED
    causes = []
    if failed >= limits.failure_buffer:
        causes.append(f"{failed} hosts failed, failure buffer {limits.failure_buffer}")
    stale = pool.autostop.stale_after
    if observation_age > stale:
        age, bound = format_duration(observation_age), format_duration(stale)
        causes.append(f"the fleet can't be observed: the last look is {age} old, more than {bound}")
    return " and ".join(causes)


def _clearing(pool: Pool, before: Autostop, now: Moment) -> Autostop:
    """The cause is gone; has it stayed gone, and who may say so?"""
    clear_since = before.clear_since or now
    cause = before.reason.partition(_GONE)[0]
    if pool.autostop.resume is AutostopResume.OPERATOR:
        waits_for = "an operator must resume"
    elif now - clear_since >= pool.autostop.settle:
        return Autostop(stopped=False, reason=f"resumed by itself: {cause}{_GONE}{_clock(clear_since)}")
    else:
        waits_for = f"resumes by itself at {_clock(clear_since + pool.autostop.settle)}"
    reason = f"{cause}{_GONE}{_clock(clear_since)}, {waits_for}"
    return Autostop(stopped=True, since=before.since, clear_since=clear_since, reason=reason)


def _clock(moment: Moment) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
