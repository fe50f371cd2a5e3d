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
    JOB = "job"
    """A job failed on the host, and nothing else says why: not what a verification finds."""


class Severity(StrEnum):
    """How much a finding weighs. `info` and `warning` fail nothing by themselves; the others do."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    RESET = "reset"
    """A reset of the device may cure it, says the tool."""
    ISOLATE = "isolate"
    """The host must not return before somebody has looked at it, says the tool."""


class Finding(Message):
    """One thing a verification noticed, with its evidence (bounded text)."""

    category: Category
    summary: str
    evidence: str = ""
    severity: Severity = Severity.ERROR
    provider: str = ""
    """Which provider noticed it, such as `dcgm`; empty where there is only one."""


class Verification(Message):
    """The answer of one verification task on one host."""

    task: VerificationTask
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    partnerless: bool = False
    """Inconclusive because there was nobody to measure the fabric with: that says nothing about how it is measured."""

    @property
    def summary(self) -> str:
        """One line: verdict and first finding."""
        return self.verdict + (f": {self.findings[0].summary}" if self.findings else "")
