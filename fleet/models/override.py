"""A person's leave to go beyond what the pools promise, for one request and a time."""

from pydantic import Field

from fleet.models.base import Fact, Moment


class Named(Fact):
    """Which limits are lifted, and how far. Without any number it is all of them, for every pool of the cluster."""

    planned_buffer: dict[str, int] = Field(default_factory=dict, description="pool: hosts that may be out by plan")
    floor: dict[str, int] = Field(default_factory=dict, description="pool: hosts that must stay up")

    @property
    def whole(self) -> bool:
        """True when it names no numbers: every host of the cluster may be out."""
        return not self.planned_buffer and not self.floor

    @property
    def numbers(self) -> str:
        """The numbers in words."""
        buffers = [f"planned buffer of {pool} {n}" for pool, n in self.planned_buffer.items()]
        return ", ".join((*buffers, *(f"floor of {pool} {n}" for pool, n in self.floor.items())))


class Override(Named):
    """Lets one request pass planned buffers and floors, by the named numbers and no further. Audited when granted."""

    actor: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    lasts: float | None = Field(
        gt=0, description="seconds from the grant for which it is in force at most; None: to the last host's return"
    )


class OverrideInForce(Named):
    """An override whose request holds its lease: until that ends or, at the latest, `until`."""

    request: str
    holder: str
    """Workflow id that holds the lease."""
    actor: str
    reason: str
    since: Moment
    until: Moment | None
    """None while it has no other end than its request's."""

    def holds(self, now: Moment) -> bool:
        """Whether its numbers are the limits in force."""
        return self.since <= now and (self.until is None or now < self.until)

    @property
    def told_until(self) -> str:
        """Its end in words."""
        return "its last host is back" if self.until is None else f"{self.until:%F %T}Z at the latest"
