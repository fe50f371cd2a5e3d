"""Visits of several pools' trains that take their domains at once, and what is known of a stop that may be joined."""

from fleet.models.base import Decision, Fact, Moment


class Place(Fact):
    """A domain of one of the cluster's pools."""

    pool: str
    domain: str

    def __str__(self) -> str:
        """As people name it."""
        return f"{self.pool}/{self.domain}"


class Joint(Fact):
    """Part of a lease request: it is granted together with those of its partners, or alone once `until` has come."""

    key: str
    """The visit that called the others."""
    place: Place
    """Whose request it is."""
    partners: tuple[Place, ...]
    """All that are to be visited together, `place` among them."""
    until: Moment
    why: str


class Stopover(Fact):
    """A domain that one visit may take together with others."""

    place: Place
    hosts: tuple[str, ...]
    """Those that are free to take."""
    units: frozenset[str]
    """Racks or NVLink domains in which it has hosts that wait for the aligned rollout."""
    slack_seconds: float
    """How long its train may wait and still be in time with its cycle."""
    arrives_seconds: float = 0.0
    """When its train can be there: what it visits now ends first, and its jobs are told."""


class Joining(Decision):
    """Which domains one visit takes along; none for a visit that goes alone."""

    partners: tuple[Place, ...] = ()
    """The caller's own place first."""
    together: int = 0
    """Jobs interrupted when they are visited at once, each gang counted whole and once."""
    apart: int = 0
    """The same when they are visited one after the other."""
    wait_seconds: float = 0.0
    """How long they wait for each other at most."""
