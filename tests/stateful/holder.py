"""A holder of leases that does nothing: it exists, hears of its grant, and is told when it is over."""

from temporalio import workflow


@workflow.defn(name="Holder")
class Holder:
    """Runs until it is told that it is over, as a visit does while its hosts are under way."""

    def __init__(self) -> None:
        self.over = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self.over)

    @workflow.signal
    def granted(self) -> None:
        """The dispatcher's word; whoever plays the holder acknowledges in its own time, or never."""

    @workflow.signal
    def end(self) -> None:
        """It is over."""
        self.over = True
