"""What a verification finds."""

from enum import StrEnum

from fleet.models.base import Message


class VerificationTask(StrEnum):
    """The three tasks every host passes before it returns."""

    HEALTH = "health"
    PERFORMANCE = "performance"
    FABRIC = "fabric"


class Verdict(StrEnum):
    """How a verification ended. Inconclusive (missing tool, timed out, unparseable) never returns a host."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Category(StrEnum):
    """What a finding points to."""

    HARDWARE = "hardware"
    SOFTWARE = "software"
    PERFORMANCE = "performance"


class Finding(Message):
    """One thing a verification noticed, with its evidence (bounded text)."""

    category: Category
    summary: str
    evidence: str = ""


class Verification(Message):
    """The answer of one verification task on one host."""

    task: VerificationTask
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line: verdict and first finding."""
        return self.verdict + (f": {self.findings[0].summary}" if self.findings else "")
