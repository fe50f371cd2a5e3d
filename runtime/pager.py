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
        self._addresses = apprise.Apprise()
        for name in notify:
            self._add(name)

    def _add(self, name: str) -> None:
        value = self._environ.get(name, "").strip()
        if not value:
            log.warning("pages can't go to an address that is not set", variable=name)
            return
        for address in re.split(r"[\s,]+(?=\w+://)", value):
            if not self._addresses.add(address):
                raise InvalidInput("environment", name, "expected apprise URLs, such as mailto://… or slack://…")

    async def page(self, title: str, body: str) -> None:
        """Send one page to every address; with none it is only logged. Raises `Unreachable` if one did not take it."""
        if not len(self._addresses):
            log.warning("page", title=title, body=body)
            return
        # In a thread, since it blocks on HTTP; and never with an empty body, which apprise does not send.
        delivered = await asyncio.to_thread(self._addresses.notify, title=title, body=body or title)
        if not delivered:
            raise Unreachable(f"a page was not delivered everywhere: {title}")
        log.info("paged", title=title)
