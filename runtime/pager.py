"""`fleet.ports.engine.Pager` over apprise. The fleet file names environment variables; the addresses, which hold
credentials, stay in them.
"""

import asyncio
import math
import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import apprise
import structlog

from fleet.errors import InvalidInput, NotAllTold

log = structlog.stdlib.get_logger(__name__)

SLOW, REST = 2.0, 30.0
"""An address that takes so many seconds to take no page is not asked again for so many: one that hangs would make a
look that has a hundred pages to send so many times as long.
"""


class ApprisePager:
    """Sends pages to every address (several in one variable are parted by spaces or commas)."""

    def __init__(
        self,
        notify: Sequence[str],
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `InvalidInput` for an address that apprise can't read; one that is not set is only logged."""
        self._environ = os.environ if environ is None else environ
        self._clock, self._rests = clock, dict[str, float]()
        self._names = tuple(notify)
        self._addresses = self._read(self._names)

    def _read(self, names: Sequence[str]) -> dict[str, apprise.Apprise]:
        """Each address by what tells it from the others and is no secret: its variable, and its place there."""
        addresses = dict[str, apprise.Apprise]()
        for name in names:
            value = self._environ.get(name, "").strip()
            if not value:
                log.warning("pages can't go to an address that is not set", variable=name)
                continue
            for number, address in enumerate(re.split(r"[\s,]+(?=\w+://)", value)):
                if not (one := apprise.Apprise()).add(address):
                    raise InvalidInput("environment", name, "expected apprise URLs, such as mailto://… or slack://…")
                addresses[f"{name}:{number}"] = one
        return addresses

    async def page(self, title: str, body: str, to: str = "", but: Collection[str] = ()) -> None:
        """Send one page to every address, and to the one that `to` names, but to those that took it before; with none
        it is only logged.

        Raises `NotAllTold` if one did not take it, `InvalidInput` for a `to` that apprise can't read.
        """
        addresses = self._read((*self._names, to)) if to and to not in self._names else self._addresses
        if not addresses:
            log.warning("page", title=title, body=body)
            return
        left = [name for name in addresses if name not in but]
        asked = [name for name in left if self._rests.get(name, -math.inf) <= self._clock()]
        told = await asyncio.gather(*(self._tell(name, addresses[name], title, body or title) for name in asked))
        took = [name for name, taken in zip(asked, told, strict=True) if taken]
        if len(took) < len(left):
            raise NotAllTold(f"a page was not delivered everywhere: {title}", (*but, *took))
        log.info("paged", title=title)

    async def _tell(self, name: str, address: apprise.Apprise, title: str, body: str) -> bool:
        began = self._clock()
        # In a thread, since it blocks on HTTP; and never with an empty body, which apprise does not send.
        taken = await asyncio.to_thread(address.notify, title=title, body=body)
        if not taken and self._clock() - began >= SLOW:
            self._rests[name] = self._clock() + REST
        return bool(taken)
