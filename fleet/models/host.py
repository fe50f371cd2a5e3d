"""A host and where it stands."""

from enum import StrEnum

from fleet.models.base import Decision, Fact, HostName, Moment, Name


class HostSet(StrEnum):
    """The five sets: a host is in exactly one."""

    UP = "up"
    PLANNED = "planned"
    FAILED = "failed"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Host(Fact):
    """A member of a pool. Its identity is cluster + name + serial where known."""

    cluster: Name
    name: HostName
    pool: Name
    serial: str | None = None
    rack: str | None = None
    nvlink: str | None = None
    model: str | None = None
    """Hardware model, where the scheduler tells it."""
    features: tuple[str, ...] = ()
    """Node features of the scheduler, but for those that we publish."""
    since: Moment
    """When this identity was first seen: a new serial under an old name starts anew."""
    decommissioned: bool = False
    released_at: Moment | None = None
    """When our last lease on it ended; a view begun before that may still show our drain."""
    given: str = ""
    """The drain reason under which it was given to an outsider: while that is on it, it is theirs, also when down."""


class Standing(Decision):
    """In which set a host is, why, and who owns it while it is out."""

    host: str
    set: HostSet
    owner: str | None = None
    """Workflow id of the lease's holder, the outsider's reason, or `operator`. None when up."""
