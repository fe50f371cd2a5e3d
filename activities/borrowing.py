"""A partner from production for the fabric: an idle host, held by a short job of ours while it is measured with.

The job ends with the measurement, and by its own time limit where nobody is left to end it: a worker that dies, or is
told to stop in the middle, leaves programs on the hosts that end by theirs, and jobs must not start beside them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.acting import Acting
from fleet.errors import DriverError, Refused
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.policy.stopping import Deed


@dataclass(frozen=True)
class Borrowed:
    """A host that is held for us, or ("") why none is."""

    host: str = ""
    job: str = ""
    told: str = ""


@asynccontextmanager
async def borrowing(acting: Acting, hosts: Sequence[str], limit: timedelta) -> AsyncIterator[Borrowed]:
    """Hold the first of these hosts that is to be had, for the time of the block."""
    borrowed = await _first(acting, hosts, limit)
    try:
        yield borrowed
    except Exception:
        await _give_back(acting, borrowed)
        raise
    # Cancelled, the block passes by here: what was started on the host may still run, and the job covers it.
    await _give_back(acting, borrowed)


async def measured_with(acting: Acting, borrowed: Borrowed) -> Verification:
    """The fabric between the step's host and a borrowed one; inconclusive unless the job held it to the end."""
    order, hands = acting.order, acting.hands
    task = VerificationTask.FABRIC
    found = await hands.verifier.verify(task, order.host, (borrowed.host,), pool=order.pool)
    view = await hands.scheduler.view(not_before=time.monotonic())
    if [borrowed.job] == [job.id for job in view.jobs_on(borrowed.host)]:
        return found
    told = f"{borrowed.host} was borrowed, and our job {borrowed.job} did not hold it to the end of the measurement"
    return _doubt(told).model_copy(update={"seconds": found.seconds})


async def left_over(acting: Acting) -> bool:
    """True while a job of an earlier attempt still holds a host: a partner again once its time is up."""
    view = await acting.hands.scheduler.view(not_before=time.monotonic())
    operation = acting.order.operation
    return any(job.ours and job.holds and job.comment == operation for job in view.jobs.values())


def partnerless(why: str) -> Verification:
    """The answer where there is nobody to measure with."""
    return _doubt(why).model_copy(update={"partnerless": True})


def _doubt(why: str) -> Verification:
    finding = Finding(category=Category.SOFTWARE, severity=Severity.WARNING, summary=why)
    return Verification(task=VerificationTask.FABRIC, verdict=Verdict.INCONCLUSIVE, findings=(finding,))


async def _first(acting: Acting, hosts: Sequence[str], limit: timedelta) -> Borrowed:
    told = []
    for host in hosts:
        try:
            job = await acting.hands.scheduler.borrow(
                host, acting.order.operation, limit.total_seconds(), acting.fence(Deed.RETURN)
            )
        except Refused as error:
            told.append(str(error))
            continue
        if job is not None:
            return Borrowed(host, job)
        told.append(f"{host} was not to be had any more")
    return Borrowed(told="no partner: " + "; ".join(told))


async def _give_back(acting: Acting, borrowed: Borrowed) -> None:
    if not borrowed.job:
        return
    try:
        await asyncio.shield(asyncio.ensure_future(acting.hands.scheduler.give_back(borrowed.job)))
    except DriverError as error:
        activity.logger.warning(f"{borrowed.host} stays borrowed until job {borrowed.job} ends by itself: {error}")
