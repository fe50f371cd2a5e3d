"""Reads the versions of many hosts at once, for commands that plan from what runs now."""

import asyncio
from collections.abc import Iterable

from fleet.errors import DriverError
from fleet.ports.hardware import Hardware

AT_ONCE = 16
"""Hosts read at a time: BMC networks are slow, and a command is not alone on them."""


async def read_versions(hardware: Hardware, hosts: Iterable[str]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Versions by host, and the hosts that gave no answer that can be believed, with why."""
    places = asyncio.Semaphore(AT_ONCE)
    read: dict[str, dict[str, str]] = {}
    silent: dict[str, str] = {}

    async def one(host: str) -> None:
        async with places:
            try:
                read[host] = await hardware.versions(host)
            except DriverError as error:
                silent[host] = str(error)

    await asyncio.gather(*(one(host) for host in hosts))
    return dict(sorted(read.items())), dict(sorted(silent.items()))
