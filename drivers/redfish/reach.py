"""How the BMC of a host is reached: its address, our credentials, and whom to trust."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from drivers.redfish.connection import connected
from drivers.redfish.reading import Site, look
from drivers.secrets import read_secret
from fleet.errors import InvalidInput, Unreachable
from fleet.models.base import HOST_PATTERN
from fleet.models.redfish import Redfish
from fleet.policy.addressing import address_of

_HOST = re.compile(HOST_PATTERN)


class Reach:
    """The way to every BMC. `data` is where relative paths of the options begin."""

    def __init__(self, options: Redfish, data: Path) -> None:
        self._options, self._data = options, data
        self._trust = _trust(options, data)

    @asynccontextmanager
    async def at(self, host: str) -> AsyncIterator[Site]:
        """The host's BMC, for the length of one call.

        `Unreachable` too while its address or a secret is not to be had: somebody may be changing it, and neither what
        is under way with this host nor the work on others is over for that.
        """
        if not _HOST.fullmatch(host):
            raise InvalidInput("host", "", f"expected a host name, found {host[:80]!r}")
        options = self._options
        try:
            address = options.addresses.get(host) or address_of("redfish", options.address, host)
            # Read each time, so that a password that was changed is taken up.
            user, password = [
                (await asyncio.to_thread(read_secret, ref, self._data)).get_secret_value()
                for ref in (options.user, options.password)
            ]
        except InvalidInput as error:
            raise Unreachable(f"{host}: {error}") from error
        timeout = options.timeout.total_seconds()
        async with connected(host, address, (user, password), self._trust, timeout) as bmc:
            yield await look(bmc, options.models)


def _trust(options: Redfish, data: Path) -> ssl.SSLContext | bool:
    if options.insecure:
        return False
    if options.ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(data / options.ca_file))
    except OSError as error:
        raise InvalidInput("redfish", "ca_file", f"expected certificates in {options.ca_file}: {error}") from error
