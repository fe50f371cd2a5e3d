"""The port to verification."""

from typing import Protocol

from fleet.models.verification import Verification, VerificationTask


class Verifier(Protocol):
    """Verifies hosts that are out of production. A missing tool, a time-out or an unparseable answer is
    `INCONCLUSIVE` with the evidence, never an exception and never a pass.
    """

    async def verify(self, task: VerificationTask, host: str, partners: tuple[str, ...], *, pool: str) -> Verification:
        """Run one task on a host; `partners` are the hosts to measure the fabric with (empty for other tasks), `pool`
        the one whose hosts its numbers are compared with.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
