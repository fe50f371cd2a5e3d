"""What a scheduler is told of a stop to come, so that it starts no job there that would not finish before."""

from pydantic import Field

from fleet.models.base import Fact, HostName


class Announcement(Fact):
    """Hosts that will be drained, by the time of whoever reads it."""

    hosts: tuple[HostName, ...] = Field(min_length=1)
    begins_in: float = Field(ge=0)
    """Seconds from now until the drain may begin."""
    lasts: float = Field(gt=0)
    """Seconds after which it ends by itself, should nobody be alive to move it or take it back."""
