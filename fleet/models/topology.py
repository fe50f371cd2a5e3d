"""What hangs on which switch, power feed and cooling loop, where the scheduler does not tell it."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from fleet.models.base import Fact

UnitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
"""Name of a rack, NVLink domain, switch, power feed or cooling loop."""


class Reach(Fact):
    """The hosts that hang on one of them."""

    hosts: str | None = Field(None, description="a hostlist such as gpu[001-016]")
    racks: tuple[UnitName, ...] = Field((), description="racks with all of their hosts")

    @model_validator(mode="after")
    def _something(self) -> "Reach":
        if self.hosts is None and not self.racks:
            raise ValueError("expected hosts, racks or both")
        return self


class Topology(Fact):
    """By name. A node feature of the scheduler such as `switch=leaf1`, `power_feed=a` or `cooling_loop=north` adds its
    host to the one it names.
    """

    switches: dict[UnitName, Reach] = Field(default_factory=dict)
    power_feeds: dict[UnitName, Reach] = Field(default_factory=dict)
    cooling_loops: dict[UnitName, Reach] = Field(default_factory=dict)
