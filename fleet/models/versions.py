"""Versions of a host: as last observed, and how they came to be."""

from fleet.models.base import Fact, Moment


class HostVersions(Fact):
    """What was last observed on a host, by component, and when it was last read."""

    host: str
    versions: dict[str, str]
    at: Moment


class VersionChange(Fact):
    """A component was first seen in a version on a host at a moment; the one before held until then."""

    host: str
    component: str
    version: str
    at: Moment
