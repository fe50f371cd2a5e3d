"""What a job loses when it is interrupted: as its comment says, else as its pool assumes.

A job's comment may hold `maintrain:job restart=5m checkpoint=30m saved=2026-03-01T12:00Z`, in any part and order: the
time it takes to compute again, the time between checkpoints, and when the last one was. This only steers which domain
is visited when, so what can't be read counts as not said; and by no more than `MOST`, for it is the job's own word.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from fleet.models.base import Moment
from fleet.models.job_costs import JobCosts
from fleet.models.scheduler import Job
from fleet.models.units import parse_duration

_SAID = re.compile(r"maintrain:job((?:\s+[a-z]+=[^\s;]+)+)")
_PART = re.compile(r"([a-z]+)=([^\s;]+)")

OVERRUN = timedelta(minutes=5)
"""A job that still runs so long after its end is let run on (Slurm's OverTimeLimit), and nobody knows until when."""
MOST = 4
"""Times what its pool assumes that a job may say it loses: more would buy what avoidance has budgets for."""


def lost(job: Job, usual: JobCosts, at: Moment) -> timedelta:
    """What each of the job's hosts loses when it is interrupted at a moment."""
    said = _said(job.comment)
    most = MOST * _mean(usual.restart, usual.checkpoint)
    restart = usual.restart if said.restart is None else said.restart
    checkpoint = usual.checkpoint if said.checkpoint is None else said.checkpoint
    saved = said.saved
    if saved is None or saved > at:
        return min(most, _mean(restart, checkpoint))
    since = at - saved
    return min(most, restart + (since % checkpoint if checkpoint else timedelta(0)))


def lost_changes(job: Job) -> bool:
    """Whether what it loses depends on when: it said when it saved last."""
    return _said(job.comment).saved is not None


def _mean(restart: timedelta, checkpoint: timedelta) -> timedelta:
    return restart + checkpoint / 2


class _Said(NamedTuple):
    """What a comment says; None for what it does not."""

    restart: timedelta | None
    checkpoint: timedelta | None
    saved: Moment | None


@lru_cache(maxsize=4096)
def _said(comment: str) -> _Said:
    """Jobs of one kind say the same."""
    found = _SAID.search(comment)
    said = dict(_PART.findall(found.group(1))) if found else {}
    return _Said(_duration(said.get("restart")), _duration(said.get("checkpoint")), _moment(said.get("saved")))


def _duration(text: str | None) -> timedelta | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError:
        return None


def _moment(text: str | None) -> Moment | None:
    """A moment of ISO 8601; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
