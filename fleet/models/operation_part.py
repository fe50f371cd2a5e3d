"""What an operation is in one cluster: part of its lease request, and known to every later grant while it is active."""

from fleet.models.base import Fact, Moment, Name


class OperationPart(Fact):
    """An operation's share in one cluster, as its request carries it."""

    operation: str
    """Workflow id."""
    kind: Name
    not_with: tuple[Name, ...]
    scope: tuple[str, ...]
    """Every host that loses capacity; those the request names are taken, the rest are left out or co-affected."""
    takes: bool
    """False for work that jobs may run through: it is granted without a lease, and only keeps its distance."""
    parks: bool
    """True when whoever else works on a host of the scope has to park at its next safe point."""
    clusters: tuple[Name, ...]
    """All of the operation's clusters, by name: it is granted in every one of them at once."""


class ActiveOperation(Fact):
    """An operation that was granted and is not over, as other requests see it."""

    operation: str
    kind: Name
    not_with: tuple[Name, ...]
    hosts: frozenset[str]
    """Those of its scope in this cluster."""
    parks: bool = False


class Parking(Fact):
    """An operation because of which whoever else works on a host has to wait at a safe point."""

    operation: str
    since: Moment
