"""Trials of upgrades on hosts, and what they say: is a version to blame, or the host?

A trial is one exposure of one host: a visit, or days in production after its return. Trials without the suspect are the
control group. See `fleet.policy.blame` for the model.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from fleet.models.base import Decision, Fact, HostName, Message, Moment, Name, Version
from fleet.models.blame_state import BlameState
from fleet.models.verification import Category, Verdict


class Suspect(Fact):
    """A version of a component that a rollout brings to hosts."""

    component: Name
    version: Version

    def __str__(self) -> str:
        """As people say it; also its name in the state."""
        return f"{self.component} {self.version}"


class TrialKind(StrEnum):
    """Where a host was exposed."""

    VISIT = "visit"
    """One visit: counted as one exposure, failed if the upgrade, a reboot or a verification failed."""
    PRODUCTION = "production"
    """In production within the soak window: counted in days, failed if a job or a health check failed for the host."""


class HostRecord(Fact):
    """What a host has done before a trial began, whatever it carried."""

    visits: int = Field(0, ge=0)
    failures: int = Field(0, ge=0, description="visits and times in production that failed, hardware findings too")


class Trial(Message):
    """One exposure of one host. Each is told once.

    Production is told as a census: at each look every host of both groups, those that failed and those that did not,
    with its days since the last look. Telling only the failures at once would blame any version.
    """

    host: HostName
    hardware: str = Field(min_length=1, description="hardware model; only hosts of the same model are compared")
    versions: tuple[Suspect, ...] = ()
    """Boarded in this visit, or in the soak of their return; empty for a host without any suspect."""
    kind: TrialKind = TrialKind.VISIT
    verdict: Verdict
    category: Category | None = None
    """What the failure points to; None where nothing says it, such as a job that failed."""
    days: float = Field(1.0, gt=0, description="days in production; 1 for a visit")
    at: Moment
    record: HostRecord = HostRecord()

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.kind is TrialKind.VISIT and self.days != 1.0:
            raise ValueError("expected days only for a trial in production")
        return self

    @property
    def failed(self) -> bool:
        """True when it failed and the finding isn't the hardware's."""
        return self.verdict is Verdict.FAILED and self.category is not Category.HARDWARE

    @property
    def weak(self) -> bool:
        """True when a job failed and nothing else says why: no bound on such failures is known, so that they count
        against control only.
        """
        return self.failed and self.category is Category.JOB

    @property
    def hardware_failed(self) -> bool:
        """True when it failed by its hardware: the host's fault."""
        return self.verdict is Verdict.FAILED and self.category is Category.HARDWARE


class BlameVerdict(StrEnum):
    """Who is to blame."""

    HOST = "host"
    VERSION = "version"
    NOT_ENOUGH = "not_enough"
    """The evidence doesn't say, or two versions can't be told apart yet."""


class Compared(Fact):
    """Trials of one kind on one hardware model with the version, and the control trials they were compared with."""

    hardware: str
    kind: TrialKind
    trials: float
    """Visits, or days in production."""
    failures: int
    controls: float
    control_failures: int


class Evidence(Fact):
    """What speaks against one version, or against versions that were boarded together only."""

    suspects: tuple[str, ...]
    blamed: bool = False
    hardware: tuple[str, ...] = ()
    """Hardware models it is blamed on; empty: not blamed, or blamed on all."""
    odds: float
    """The e-value: how many times better "it makes hosts fail" did than "it changes nothing"."""
    acquittal: float
    """The same the other way, against "it multiplies failures by `BlameRule.matters` or more everywhere"."""
    compared: tuple[Compared, ...] = ()
    hardware_findings: int = 0
    """Failures by hardware on hosts with it: told, and counted for nothing."""

    @property
    def failures(self) -> int:
        """Failures that count against it."""
        return sum(c.failures for c in self.compared)


class Blame(Decision):
    """The judgement after the trials so far. Give `state` to the next call, with the trials since."""

    verdict: BlameVerdict
    suspect: Suspect | None = None
    """The version to blame; of several the one with the strongest evidence."""
    hardware: tuple[str, ...] = ()
    """Hardware models on which it is to blame; empty: on all."""
    board_apart: tuple[Suspect, ...] = ()
    """Versions that can't be told apart until the next visits board them on different hosts."""
    evidence: tuple[Evidence, ...] = ()
    state: BlameState = BlameState()
