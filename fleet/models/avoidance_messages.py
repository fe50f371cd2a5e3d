"""Requests to keep away as updates of a train bring them, checked before they cost any history."""

import re

from fleet.avoidance_words import until_of
from fleet.models.avoidance import KEY_PATTERN
from fleet.models.base import HOST_PATTERN, Moment
from fleet.models.messages import Command

_JOB = re.compile(r"[!-~]{0,200}")
_LONGEST_USER = 64


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
        self._check_names()
        if until_of(self.until, now) <= now:
            raise ValueError(f"expected a date to come, found {self.until}")

    def _check_names(self) -> None:
        # What no row takes must not reach an activity, which would try for ever.
        if not re.fullmatch(KEY_PATTERN.strip("^$"), self.request):
            raise ValueError(f"expected a request of {KEY_PATTERN}, found {self.request[:40]!r}")
        if not _JOB.fullmatch(self.job):
            raise ValueError(f"expected a job's id without blanks, of at most 200 signs, found {self.job[:40]!r}")
        wrong = next((host for host in self.hosts if not re.fullmatch(HOST_PATTERN.strip("^$"), host)), None)
        if wrong is not None:
            raise ValueError(f"expected names of hosts, found {wrong[:40]!r}")
        if len(self.user) > _LONGEST_USER or not self.user.isprintable():
            raise ValueError(f"expected a user's name of at most {_LONGEST_USER} signs, found {self.user[:40]!r}")


class WithdrawOrder(Command):
    """Take a request back."""

    avoidance: str
    """Its id, or its job."""

    def check(self) -> None:
        """Raises ValueError with what was expected."""
        if not self.reason.strip() or not self.avoidance.strip():
            raise ValueError("expected an avoidance, or its job, and a reason")
