"""A person's leave to go beyond what the pools promise, for one request and a time."""

from pydantic import Field

from fleet.models.base import Fact, Moment


class Override(Fact):
    """Lets one request pass the planned buffers and floors of every pool of its cluster. Audited when it is granted."""

    actor: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    lasts: float = Field(gt=0, description="seconds from the grant for which it is in force at most")


class OverrideInForce(Fact):
    """An override whose request holds its lease: until that ends or, at the latest, `until`."""

    request: str
    holder: str
    """Workflow id that holds the lease."""
    actor: str
    reason: str
    since: Moment
    until: Moment
