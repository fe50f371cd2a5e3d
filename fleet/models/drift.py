"""What runs in production against what should: by component, by host off its pins, by set that is not allowed."""

from fleet.models.base import Fact


class ComponentDrift(Fact):
    """One component over the hosts in production of a cluster."""

    component: str
    layer: str
    job_facing: bool
    wished: tuple[str, ...] = ()
    """The pin, or the versions that pools desire; empty where nothing is asked for."""
    observed: dict[str, int]
    """Version: hosts, the most frequent first."""
    silent: int = 0
    """Hosts that did not tell a version of it; not every host need have the component."""
    behind: int = 0
    """Hosts that carry another version than wished for in their pool."""


class OffPin(Fact):
    """A host in production that is not seen to carry a pin. `found` None: it told no version."""

    host: str
    component: str
    pinned: str
    found: str | None


class HostsNotAllowed(Fact):
    """Hosts whose observed set the matrix does not allow, for one reason."""

    hosts: tuple[str, ...]
    reason: str


class Drift(Fact):
    """A cluster's drift as of the last readings."""

    cluster: str
    in_production: int
    out: int
    """Members that are out, for whatever reason; their versions count for nothing here."""
    components: tuple[ComponentDrift, ...]
    """Deepest layer first."""
    off_pin: tuple[OffPin, ...] = ()
    not_allowed: tuple[HostsNotAllowed, ...] = ()
    behind: tuple[str, ...] = ()
    """Hosts that carry a host-facing component in another version than desired."""
    unread: tuple[str, ...] = ()
    """Hosts in production whose versions were never read."""

    @property
    def job_facing(self) -> int:
        """Hosts in production with another version than pinned: must be 0."""
        return len({d.host for d in self.off_pin if d.found is not None})

    @property
    def untold(self) -> int:
        """Hosts in production that told no version of some pin."""
        return len({d.host for d in self.off_pin if d.found is None})

    @property
    def hosts_not_allowed(self) -> int:
        """Hosts in production on a set that is not allowed."""
        return sum(len(group.hosts) for group in self.not_allowed)

    @property
    def wrong(self) -> bool:
        """True when something is not as promised; host-facing versions that still slide are no wrong."""
        return bool(self.off_pin or self.not_allowed)
