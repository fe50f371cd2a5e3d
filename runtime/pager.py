"""`fleet.ports.engine.Pager` over apprise. The fleet file names environment variables; the addresses, which hold
credentials, stay in them.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence

import apprise
import structlog

from fleet.errors import InvalidInput, Unreachable

log = structlog.stdlib.get_logger(__name__)


class ApprisePager:
    """Sends pages to every address (several in one variable are parted by spaces or commas)."""

    def __init__(self, notify: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        """Raises `InvalidInput` for an address that apprise can't read; one that is not set is only logged."""
        self._environ = os.environ if environ is None else environ
        self._names = tuple(notify)
        self._addresses = self._read(self._names)

    def _read(self, names: Sequence[str]) -> apprise.Apprise:
        addresses = apprise.Apprise()
        for name in names:
            value = self._environ.get(name, "").strip()
            if not value:
                log.warning("pages can't go to an address that is not set", variable=name)
                continue
            for address in re.split(r"[\s,]+(?=\w+://)", value):
                if not addresses.add(address):
                    raise InvalidInput("environment", name, "expected apprise URLs, such as mailto://… or slack://…")
        return addresses

    async def page(self, title: str, body: str, to: str = "") -> None:
        """Send one page to every address, and to the one that `to` names; with none it is only logged.

        Raises `Unreachable` if one did not take it, `InvalidInput` for a `to` that apprise can't read.
        """
        addresses = self._read((*self._names, to)) if to and to not in self._names else self._addresses
        if not len(addresses):
            log.warning("page", title=title, body=body)
            return
        # In a thread, since it blocks on HTTP; and never with an empty body, which apprise does not send.
        delivered = await asyncio.to_thread(addresses.notify, title=title, body=body or title)
        if not delivered:
            raise Unreachable(f"a page was not delivered everywhere: {title}")
        log.info("paged", title=title)
