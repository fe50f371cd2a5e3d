"""Requests to keep away as updates of a train bring them, checked before they cost any history."""

from fleet.avoidance_words import until_of
from fleet.models.base import Moment
from fleet.models.messages import Command


class AvoidOrder(Command):
    """Keep away from a job, or from hosts, until a date."""

    request: str = ""
    """Idempotency key; default: the update's id."""
    job: str = ""
    hosts: tuple[str, ...] = ()
    """Instead of a job."""
    until: str
    """`+2h`, or an ISO time with its zone."""
    user: str = ""
    """Whose budget it counts against; default: the job's user, for hosts the actor."""

    def check(self, now: Moment) -> None:
        """Raises ValueError with what was expected."""
        if not self.reason.strip():
            raise ValueError("expected a reason")
        if bool(self.job) == bool(self.hosts):
            raise ValueError("expected either a job or hosts")
        if until_of(self.until, now) <= now:
            raise ValueError(f"expected a date to come, found {self.until}")


class WithdrawOrder(Command):
    """Take a request back."""

    avoidance: str
    """Its id, or its job."""

    def check(self) -> None:
        """Raises ValueError with what was expected."""
        if not self.reason.strip() or not self.avoidance.strip():
            raise ValueError("expected an avoidance, or its job, and a reason")
