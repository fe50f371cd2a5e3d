"""What became of a command on a host."""

from fleet.models.base import Fact

CUT_MARK = "bytes left out ...]"
"""Ends the mark that drivers leave where they cut an output, such as `[... 512 bytes left out ...]`."""


class CommandResult(Fact):
    """One command that ran to its end, or was ended."""

    argv: tuple[str, ...]
    status: int | None
    """Exit status, 0 to 255. None when a signal or our time limit ended it: nothing can be concluded from it."""
    stdout: str
    stderr: str
    """Both decoded with replacement and bounded by the driver; a cut is marked in the text."""
    seconds: float

    @property
    def whole(self) -> bool:
        """True when the standard output was not cut: half an answer proves nothing."""
        return CUT_MARK not in self.stdout
