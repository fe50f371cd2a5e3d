"""The two kinds of model, and the checked strings they are made of."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

HOST_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,39}$"
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+:~-]{0,63}$"
SIGNAL_PATTERN = r"^[A-Z][A-Z0-9]{1,9}$"

HostName = Annotated[str, StringConstraints(pattern=HOST_PATTERN)]
"""A host's name: letters, digits, dot, dash, underscore; at most 63. Safe as an argument and in an id."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Name of a cluster, pool, layer or component: lower case, digits, dash, underscore; at most 40."""
Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
"""A version as a device or package reports it; at most 64 characters."""
Moment = AwareDatetime
"""A point in time with a zone (UTC everywhere in the store)."""


# A validator is built when a model is first used: a command uses a few of some hundreds, and people wait for it.
class Fact(BaseModel):
    """Something known or decided: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Message(BaseModel):
    """What crosses a process boundary: frozen; unknown fields are ignored so that old and new code can talk."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Decision(Message):
    """What a policy returns. `reason` is one sentence in words that logs, UI, CLI and audit all show."""

    reason: str
