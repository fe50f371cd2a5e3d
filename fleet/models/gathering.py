"""Where hosts of a visit gather to be partners of each other's fabric test."""

from typing import NamedTuple

from fleet.models.base import Moment


class Gathering(NamedTuple):
    """Both of one instant."""

    ready: dict[str, Moment]
    """Hosts that have ever become ready, and since when; first come first."""
    planned: frozenset[str]
    """Hosts whose lease is planned work of the visit."""
