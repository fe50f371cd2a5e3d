"""The port to commands on hosts: what verification tools and recipes are run through."""

from collections.abc import Sequence
from typing import Protocol

from fleet.models.command import CommandResult


class Remote(Protocol):
    """Runs argument lists on hosts, never a shell string."""

    async def run(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        """Run a command and wait for its end, at most `within` seconds: then it is ended and has no status.

        Raises `Unreachable` when the host can't be asked, `BadAnswer` when it is not the host it should be (its key).
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
