"""What all verification providers share: a program, and the hosts they are for."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from fleet.hostlist import expand
from fleet.models.base import Fact

Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,400}$")]
"""One argument of a program: printable, passed as it is and never through a shell."""
Program = Annotated[tuple[Argument, ...], Field(min_length=1)]
"""A program with the arguments that always come first."""


class Provider(Fact):
    """What all providers share."""

    hosts: str | None = Field(None, description="hostlist of the hosts it is for; default all of the cluster")

    @field_validator("hosts")
    @classmethod
    def _is_a_hostlist(cls, value: str | None) -> str | None:
        if value is not None and not expand(value):
            raise ValueError("expected a hostlist such as gpu[001-064]")
        return value

    def serves(self, host: str) -> bool:
        """True when it is for this host."""
        return self.hosts is None or host in expand(self.hosts)
