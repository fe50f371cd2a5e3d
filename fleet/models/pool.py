"""A pool's promises, as the fleet file states them."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from fleet.models.avoidance import AvoidancePolicy
from fleet.models.base import SIGNAL_PATTERN, Fact, Name, Version
from fleet.models.job_costs import JobCosts
from fleet.models.replicas import Replicas
from fleet.models.units import Amount, Duration
from fleet.models.verification import VerificationTask
from fleet.models.windows import Window

MOST_HOSTS = 500
"""Of one domain."""


class HostSelector(Fact):
    """Which hosts of the cluster's scheduler are in the pool. Every given criterion must hold."""

    names: str | None = Field(None, description="a hostlist such as gpu[001-064],login1")
    partition: str | None = Field(None, description="a partition of the scheduler")
    feature: str | None = Field(None, description="a node feature of the scheduler")

    @model_validator(mode="after")
    def _something(self) -> "HostSelector":
        if self.names is None and self.partition is None and self.feature is None:
            raise ValueError("expected at least one of names, partition, feature")
        return self


class Grouping(StrEnum):
    """The topology a domain follows."""

    NONE = "none"
    RACK = "rack"
    NVLINK = "nvlink"


class DomainSpec(Fact):
    """How the pool is cut into maintenance domains."""

    size: int = Field(ge=1, le=MOST_HOSTS, description="hosts at most; more would make a visit's history too long")
    group_by: Grouping = Grouping.RACK


class AtDeadline(StrEnum):
    """What happens to a job that still runs when the drain deadline has come."""

    WAIT = "wait"
    REQUEUE = "requeue"
    CANCEL = "cancel"
    GIVE_BACK = "give_back"


class DrainPolicy(Fact):
    """How jobs are treated when their host is drained."""

    deadline: Duration = Field(description="time jobs have to end by themselves")
    requeueable: AtDeadline = AtDeadline.REQUEUE
    not_requeueable: AtDeadline = AtDeadline.GIVE_BACK
    interactive: AtDeadline = AtDeadline.CANCEL
    signal: str | None = Field(
        None,
        pattern=SIGNAL_PATTERN,
        description="sent to jobs with the notice, such as USR1; only for jobs that handle it: by default it kills",
    )
    max_returns: int = Field(2, ge=0, description="give-backs of one domain in a cycle before a person is asked")

    @model_validator(mode="after")
    def _possible(self) -> "DrainPolicy":
        if self.not_requeueable is AtDeadline.REQUEUE:
            raise ValueError("not_requeueable: expected wait, cancel or give_back; such a job can't be requeued")
        return self


class AutostopResume(StrEnum):
    """Who lifts an autostop once its cause is gone."""

    BY_ITSELF = "by_itself"
    OPERATOR = "operator"


class AutostopPolicy(Fact):
    """When grants resume after an autostop, and how old an observation may be."""

    resume: AutostopResume = AutostopResume.BY_ITSELF
    settle: Duration = Field(timedelta(minutes=10), description="how long the cause must have stayed gone")
    stale_after: Duration = Field(timedelta(minutes=2), description="age at which an observation no longer counts")
    inconclusive_hosts: int = Field(3, ge=1, description="hosts with inconclusive verifications that pause the train")


class Pool(Fact):
    """One kind of capacity in one cluster: the unit of promises."""

    name: Name
    hosts: HostSelector
    domain: DomainSpec
    planned_buffer: Amount | None = Field(None, description="hosts out by plan at most; default one domain")
    failure_buffer: Amount = Field(description="hosts out as failed at which grants stop (autostop)")
    floor: Amount | None = Field(None, description="hosts up whatever the cause; default members - both buffers")
    cycle_bound: Duration = Field(description="time within which every host is visited")
    notice: Duration = Field(timedelta(0), description="time between telling jobs and draining")
    drain: DrainPolicy
    visit_budget: Duration = Field(description="time a host may be out for upgrades in one visit")
    verify: tuple[VerificationTask, ...] = (
        VerificationTask.HEALTH,
        VerificationTask.PERFORMANCE,
        VerificationTask.FABRIC,
    )
    verify_duration: Duration = Field(timedelta(minutes=5), description="expected time of one verification task")
    fabric_wait: Duration = Field(timedelta(minutes=5), description="time a host waits for partners of its domain")
    reserve_after: Duration = Field(timedelta(hours=1), description="age at which a waiting request reserves its hosts")
    windows: tuple[Window, ...] = Field(
        (), description="when planned work may begin and must have ended; default always"
    )
    replicas: Replicas | None = Field(None, description="groups of hosts of which no two may have hosts out at once")
    autostop: AutostopPolicy = AutostopPolicy()
    job_costs: JobCosts = Field(JobCosts(), description="what an interruption costs jobs that don't say it themselves")
    avoidance: AvoidancePolicy = Field(AvoidancePolicy(), description="how far jobs may put visits off")
    desired: dict[Name, Version] = Field(default_factory=dict, description="overrides the cluster's desired versions")
