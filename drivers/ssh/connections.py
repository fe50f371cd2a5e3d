"""One SSH connection a host, shared by all that is asked of it, opened when first needed and again when lost."""

import asyncio
import logging
import re
from collections import OrderedDict
from pathlib import Path

import asyncssh

from drivers.secrets import read_secret
from fleet.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fleet.models.base import HOST_PATTERN
from fleet.models.ssh import Ssh
from fleet.policy.addressing import address_of

# It would log every connection, channel and command, a dozen lines a look at a host.
logging.getLogger("asyncssh").setLevel(logging.WARNING)

KEEPALIVES = 3
_HOST = re.compile(HOST_PATTERN)


class Connections:
    """Open connections by host name."""

    def __init__(self, options: Ssh, folder: Path) -> None:
        self._options, self._folder = options, folder
        self._open: OrderedDict[str, asyncssh.SSHClientConnection] = OrderedDict()
        self._using: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._connecting = asyncio.Semaphore(options.connecting)
        self._jump: asyncssh.SSHClientConnection | None = None
        self._jump_lock = asyncio.Lock()

    async def get(self, host: str) -> asyncssh.SSHClientConnection:
        """The host's connection. Raises `Unreachable` or, for another host's key, `BadAnswer`.

        `Unreachable` too while its address, our key or the file of host keys is not to be had: somebody may be changing
        it, and neither what is under way with this host nor the work on others is over for that.
        """
        if not _HOST.fullmatch(host):
            raise Refused(f"expected a host name, found {host[:80]!r}")
        async with self._locks.setdefault(host, asyncio.Lock()):
            kept = self._open.get(host)
            if kept is not None and not kept.is_closed():
                self._open.move_to_end(host)
                return kept
            async with self._connecting:
                tunnel = await self._through()
                fresh = await self._connect(self._address(host), self._options.port, self._options.user, host, tunnel)
            self._open[host] = fresh
            self._open.move_to_end(host)
        self._shed()
        return fresh

    def used(self, host: str, by: int) -> None:
        """Count commands under way, so that a connection in use is not closed for being old."""
        self._using[host] = self._using.get(host, 0) + by
        if not self._using[host]:
            del self._using[host]

    def drop(self, host: str, lost: asyncssh.SSHClientConnection) -> None:
        """Forget a connection that was lost; the next command opens another."""
        lost.abort()
        if self._open.get(host) is lost:
            del self._open[host]

    async def close(self) -> None:
        """Close all."""
        every = [*self._open.values(), *([self._jump] if self._jump else [])]
        self._open.clear()
        self._jump = None
        for connection in every:
            connection.abort()
        await asyncio.gather(*(connection.wait_closed() for connection in every))

    def _shed(self) -> None:
        for host in list(self._open):
            if len(self._open) <= self._options.connections:
                return
            if host not in self._using:
                self._open.pop(host).abort()

    def _address(self, host: str) -> str:
        given = self._options.addresses.get(host)
        try:
            return address_of("ssh", self._options.address, host) if given is None else given
        except InvalidInput as error:
            raise Unreachable(f"{host}: {error}") from error

    async def _through(self) -> asyncssh.SSHClientConnection | None:
        jump = self._options.jump
        if jump is None:
            return None
        async with self._jump_lock:
            if self._jump is None or self._jump.is_closed():
                user = jump.user or self._options.user
                self._jump = await self._connect(jump.address, jump.port, user, "the jump host", None)
            return self._jump

    async def _connect(
        self, address: str, port: int, user: str, name: str, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        within = self._options.connect_timeout.total_seconds()
        try:
            async with asyncio.timeout(within):
                return await asyncssh.connect(
                    address,
                    port,
                    tunnel=tunnel,
                    username=user,
                    client_keys=[self._key()],
                    known_hosts=self._known_hosts(),
                    # Nothing of the worker's own account takes part: no configuration, agent, password or host key.
                    config=None,
                    agent_path=None,
                    preferred_auth="publickey",
                    login_timeout=within,
                    keepalive_interval=self._options.keepalive.total_seconds(),
                    keepalive_count_max=KEEPALIVES,
                )
        except asyncssh.HostKeyNotVerifiable as error:
            raise BadAnswer(f"{name} ({address}) is not the host it should be: {error}") from error
        except asyncssh.PermissionDenied as error:
            # It may pass: hosts that are booting let nobody in but root.
            raise Unreachable(f"{name} ({address}) does not let {user} in: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"{name} ({address}) does not answer within {within:g} s") from error
        except InvalidInput as error:
            raise Unreachable(f"{name} ({address}) can't be reached: {error}") from error
        except (OSError, asyncssh.Error) as error:
            raise Unreachable(f"{name} ({address}) can't be reached: {error}") from error

    def _key(self) -> asyncssh.SSHKey:
        text = read_secret(self._options.key, self._folder).get_secret_value()
        try:
            return asyncssh.import_private_key(f"{text}\n")
        except (ValueError, asyncssh.KeyEncryptionError):
            # Not the error's own words: they may quote the key.
            place = self._options.key.place
            raise InvalidInput("ssh", "key", f"expected an unencrypted private key in the {place}") from None

    def _known_hosts(self) -> asyncssh.SSHKnownHosts | None:
        path = self._options.known_hosts
        if path is None:
            return None
        try:
            return asyncssh.import_known_hosts((self._folder / path).read_text())
        except (OSError, ValueError) as error:
            raise InvalidInput("ssh", "known_hosts", f"expected a file of host keys: {error}") from error
