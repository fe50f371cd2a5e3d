"""What jobs post to a worker, and what they are answered."""

from typing import Literal

from pydantic import Field

from fleet.models.base import SIGNAL_PATTERN, Fact, Message, Moment, Name

JOB_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class JobRequest(Fact):
    """The body of a request: strict, so that a misspelt field is told."""

    verb: Literal["avoid", "ready", "withdraw", "show"]
    cluster: Name
    job: str = Field(pattern=JOB_PATTERN)
    request: str = Field(
        "",
        max_length=100,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="idempotency key of avoid, ready; default: the signature",
    )
    until: str = Field("", max_length=60, description="+2h, or an ISO time with its zone")
    signal: str | None = Field(None, pattern=SIGNAL_PATTERN)
    why: str = Field("", max_length=500)


class JobAnswer(Message):
    """One request of the job as it stands."""

    id: str
    pool: str
    state: str
    until: Moment | None
    planned: Moment | None
    reason: str
