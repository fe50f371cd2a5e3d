"""What a host in repair has done beside its tries; an error in it is logged, and leaves the host where it is."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hand_over import HandingOver
    from activities.handovers import GivingAway
    from fleet.models.messages import Command
    from fleet.models.work import HostWork
    from workflows.options import at


async def report(work: HostWork) -> None:
    """Tell people that the host did not pass."""
    try:
        await workflow.execute_activity_method(HandingOver.report_repair, work, **at(work.cluster, "report"))
    except ActivityError as error:
        workflow.logger.error(f"nobody was told that {work.host} did not pass: {error.cause or error}")


async def drain_again(work: HostWork) -> None:
    """What waits in repair is not verified: a drain that somebody lifted is set again."""
    try:
        await workflow.execute_activity_method(HandingOver.drain_again, work, **at(work.cluster, "drain again"))
    except ActivityError as error:
        workflow.logger.error(f"{work.host} could not be drained again: {error.cause or error}")


async def decommission(work: HostWork, order: Command) -> str:
    """Take the host out for good; why that could not be, or nothing."""
    try:
        await workflow.execute_activity_method(
            HandingOver.decommission, args=[work, order], **at(work.cluster, "decommission")
        )
    except ActivityError as error:
        return f"could not be decommissioned: {error.cause or error}"
    return ""


async def give_away(work: HostWork) -> bool:
    """End the lease of a host that an outsider has; False while it is ours."""
    try:
        given: bool = await workflow.execute_activity_method(
            GivingAway.give_away, work, **at(work.cluster, "give away")
        )
    except ActivityError as error:
        workflow.logger.error(f"{work.host} could not be given away: {error.cause or error}")
        return False
    return given
