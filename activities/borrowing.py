"""A partner from production for the fabric: an idle host, held by a short job of ours while it is measured with.

The job ends with the measurement, and by its own time limit where that did not come to its end: a worker that dies,
or loses its connection in the middle, leaves programs on the hosts, beside which no job is to start.
"""

import asyncio
import time
from collections.abc import Sequence
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


async def borrow(acting: Acting, hosts: Sequence[str], limit: timedelta) -> Borrowed:
    """Hold the first of these hosts that is to be had, for `limit` at the most."""
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


async def measured_with(acting: Acting, borrowed: Borrowed) -> Verification:
    """The fabric between the step's host and a borrowed one; inconclusive unless the job held it to the end.

    Only a measurement that came to its end gives the host back at once: after any other, and when this is cut short,
    what was started on it may still run, and the job stays to its time limit.
    """
    order, hands = acting.order, acting.hands
    task = VerificationTask.FABRIC
    found = await hands.verifier.verify(task, order.host, (borrowed.host,), pool=order.pool)
    if found.verdict is not Verdict.INCONCLUSIVE:
        held = await _held(acting, borrowed)
        await _give_back(acting, borrowed)
        if held:
            return found
    elif await _held(acting, borrowed):
        return found
    told = f"{borrowed.host} was borrowed, and our job {borrowed.job} did not hold it to the end of the measurement"
    return _doubt(told).model_copy(update={"seconds": found.seconds})


async def _held(acting: Acting, borrowed: Borrowed) -> bool:
    """True when our job is there, alone."""
    view = await acting.hands.scheduler.view(not_before=time.monotonic())
    return [borrowed.job] == [job.id for job in view.jobs_on(borrowed.host)]


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


async def _give_back(acting: Acting, borrowed: Borrowed) -> None:
    try:
        await asyncio.shield(asyncio.ensure_future(acting.hands.scheduler.give_back(borrowed.job)))
    except DriverError as error:
        activity.logger.warning(f"{borrowed.host} stays borrowed until job {borrowed.job} ends by itself: {error}")
