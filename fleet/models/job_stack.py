"""The versions under a job at its time."""

from fleet.models.base import Fact
from fleet.models.scheduler import JobRun
from fleet.models.versions import VersionChange


class HostsAlike(Fact):
    """Hosts of a job that carried the same versions when it started."""

    hosts: tuple[str, ...]
    versions: dict[str, str]
    """By component, in the order of the stack."""
    unknown: tuple[str, ...] = ()
    """Components of the stack whose version at that time is not known."""


class JobStack(Fact):
    """What a job's last run stood on."""

    cluster: str
    run: JobRun
    groups: tuple[HostsAlike, ...]
    """The largest first."""
    differing: tuple[str, ...]
    """Components that its hosts carried in several versions, or that only some told."""
    changes: tuple[VersionChange, ...] = ()
    """Versions that came after others on its hosts while it ran; none, as it should be."""
