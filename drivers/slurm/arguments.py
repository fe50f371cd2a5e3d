"""What may reach Slurm's command line: a host's name, and a drain reason, each matched whole by its pattern."""

import re

from fleet.errors import InvalidInput
from fleet.ids import owned_reason
from fleet.models.base import HOST_PATTERN

_HOST = re.compile(HOST_PATTERN)
_REASON = re.compile(r"^[A-Za-z0-9 ._:;,/#@=+()-]{1,400}$")


def check_host(host: str) -> None:
    """Nothing unchecked reaches a command line; `nodename=ALL` would name every node there is. Raises InvalidInput."""
    if not _HOST.fullmatch(host) or host.upper() == "ALL":
        raise InvalidInput("host", "", f"expected a host name, found {host[:80]!r}")


def check_plain(reason: str) -> None:
    """Any drain reason, an outsider's too. Raises InvalidInput."""
    if not _REASON.fullmatch(reason):
        raise InvalidInput("reason", "", f"expected a plain drain reason, found {reason[:80]!r}")


def check_ours(host: str, reason: str) -> None:
    """A host, and one of our own drain reasons. Raises InvalidInput."""
    check_host(host)
    if owned_reason(reason) is None or not _REASON.fullmatch(reason):
        raise InvalidInput("reason", "", f"expected one of our drain reasons, found {reason[:80]!r}")
