"""A workflow and an activity that log, each in two ways."""

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    import structlog


@activity.defn
async def look() -> None:
    """Log as an activity."""
    activity.logger.info("looked", extra={"host": "gpu001"})
    structlog.stdlib.get_logger("fleet.test").info("looked closer", host="gpu001")


@workflow.defn
class Talkative:
    """Logs before and after its activity."""

    @workflow.run
    async def run(self) -> None:
        """Log as a workflow."""
        workflow.logger.info("begins")
        structlog.stdlib.get_logger("fleet.test").info("begins, says structlog")
        await workflow.execute_activity(look, start_to_close_timeout=timedelta(seconds=10))
        workflow.logger.info("ends")
