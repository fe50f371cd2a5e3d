"""The runner script's calls on a host, and their answers checked. See runner.sh for what the host keeps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from drivers.ssh.remote import SshRemote
from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.ssh import Ssh

TICKET_S = 4
"""Seconds, by the host's own clock, from asking for its time to beginning an upgrade or reboot; what comes later is
turned away there. It counts from before the fence, and with the clock's whole seconds is below the fence's life: a
command that was held up on its way can't arrive after a successor has concluded that nothing was sent."""

SCRIPT = files("drivers.ssh").joinpath("runner.sh").read_text()
_BUSY, _LATE, _REBOOTED, _UNDONE = 91, 92, 93, 94
_SAID = 300
_KILLED_WITHIN_S = 3
_BOOT_ID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_CLOCK = re.compile(r"^(\S+) (\d{1,12})$")
_PROBE = re.compile(rb"probe (\d{1,7})\n")
_EXIT = re.compile(rb"\n?exit (\d{1,3})$")
_TASK = re.compile(r"^([a-z0-9][a-z0-9_-]{0,39})\.([0-9a-f]{32})$")
_FIELDS = 6


@dataclass(frozen=True)
class Ticket:
    """The host's boot and its seconds since then, read before a fence; what is begun with it is refused later on."""

    boot_id: str
    since: str

    @property
    def words(self) -> tuple[str, str, str]:
        """As the script takes it."""
        return self.boot_id, self.since, str(TICKET_S)


@dataclass(frozen=True)
class NotedTask:
    """An upgrade task as the host noted it. `what`: running, gone, late, rebooted, broken, or phase and status."""

    id: str
    component: str
    number: int
    version: str
    this_boot: bool
    what: str
    said: str


class HostCalls:
    """The script's verbs. All raise `Unreachable` or `BadAnswer`; those that begin something `Refused` too."""

    def __init__(self, remote: SshRemote, options: Ssh) -> None:
        self._remote, self._options = remote, options
        self._within = options.command_timeout.total_seconds()

    async def ticket(self, host: str) -> Ticket:
        """The host's boot and clock."""
        answer = (await self._read(host, self._within, "clock", self._options.boot_id)).strip()
        found = _CLOCK.match(answer)
        if found is None or not _BOOT_ID.match(found[1]):
            raise BadAnswer(f"{host}: expected a boot id and a clock, found {answer[:_SAID]!r}")
        return Ticket(found[1], found[2])

    async def probe(self, host: str, argvs: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
        """Exit status and stdout of each command, in one round trip."""
        arguments = [word for argv in argvs for word in (str(len(argv)), *argv)]
        within = (self._within + _KILLED_WITHIN_S) * max(1, len(argvs))
        # Bytes, since the script counts them: a tool may print what is no ASCII, or no text.
        answer = await self._read_bytes(host, within, "probe", str(round(self._within)), *arguments)
        found = []
        for _ in argvs:
            head = _PROBE.match(answer)
            if head is None:
                raise BadAnswer(f"{host}: a probe's answer is missing")
            end = head.end() + int(head[1])
            said, answer = answer[head.end() : end], answer[end:].removeprefix(b"\n")
            status = _EXIT.search(said)
            if status is None:
                raise BadAnswer(f"{host}: a probe's answer was cut")
            found.append((int(status[1]), said[: status.start()].decode(errors="replace")))
        return found

    async def tasks(self, host: str) -> list[NotedTask]:
        """All tasks that the host has notes of, oldest first."""
        answer = await self._read(host, self._within, "tasks", self._options.state, self._options.boot_id)
        return sorted((_task(host, line) for line in answer.splitlines()), key=lambda task: task.number)

    async def begin(self, host: str, ticket: Ticket, limit: int, task: str, version: str, *rest: str) -> None:
        """Begin a task on the host. One with this id that is there already is left as it is."""
        said = (await self._send(host, *self.head("start", ticket, limit, task, version), *rest)).strip()
        if said not in ("started", "known"):
            raise BadAnswer(f"{host}: expected the task to be started, found {said[:_SAID]!r}")

    async def reboot(self, host: str, ticket: Ticket) -> None:
        """Run the reboot command."""
        try:
            await self._send(host, "reboot", self._options.boot_id, *ticket.words, *self._options.reboot)
        except Refused as error:
            # Nothing was begun, and a later attempt may.
            raise Unreachable(str(error)) from error

    async def reset_gpus(self, host: str, ticket: Ticket) -> None:
        """Run the command that resets the GPUs, to its end. `Refused`, with what it said, when it was not done."""
        argv = ("sh", "-s", "--", "once", self._options.boot_id, *ticket.words, *self._options.gpu_reset)
        within = self._options.gpu_reset_within.total_seconds()
        _checked(host, await self._remote.run(host, argv, within, SCRIPT.encode()))

    async def prepare(self, host: str, ticket: Ticket, limit: int, words: Sequence[str]) -> None:
        """Run a command that changes nothing in effect, to its end. `Refused`, with what it said, when it failed.

        Coreutils' `timeout` ends it on the host after `limit` seconds, should our connection be lost meanwhile.
        """
        argv = ("sh", "-s", "--", "once", self._options.boot_id, *ticket.words, "timeout", "-k", "10", str(limit))
        within = float(limit + _KILLED_WITHIN_S + 10)
        _checked(host, await self._remote.run(host, (*argv, *words), within, SCRIPT.encode()))

    def head(self, verb: str, ticket: Ticket, limit: int, task: str, version: str) -> tuple[str, ...]:
        """First words of `start` and `hold`."""
        options = self._options
        return (verb, options.state, options.boot_id, *ticket.words, str(limit), task, version)

    async def _read(self, host: str, within: float, *words: str) -> str:
        return (await self._read_bytes(host, within, *words)).decode(errors="replace")

    async def _read_bytes(self, host: str, within: float, *words: str) -> bytes:
        argv = ("sh", "-s", "--", *words)
        result, answer = await self._remote.read_bytes(host, argv, within, SCRIPT.encode())
        _checked(host, result)
        return answer.removesuffix(b"end\n")

    async def _send(self, host: str, *words: str) -> str:
        argv = ("sh", "-s", "--", *words)
        return _checked(host, await self._remote.run(host, argv, self._within, SCRIPT.encode()))


def _checked(host: str, result: CommandResult) -> str:
    """What a call printed before its `end`."""
    said = result.stderr.strip()[-_SAID:]
    if result.status in (_BUSY, _LATE, _REBOOTED, _UNDONE):
        raise Refused(f"{host}: {said}")
    if result.status is None:
        raise Unreachable(f"{host}: {result.argv[3]} did not end within its time")
    if result.status != 0:
        raise BadAnswer(f"{host}: {result.argv[3]}: rc {result.status}: {said}")
    if result.stdout != "end\n" and not result.stdout.endswith("\nend\n"):
        raise BadAnswer(f"{host}: the answer to {result.argv[3]} was cut")
    return result.stdout.removesuffix("end\n")


def _task(host: str, line: str) -> NotedTask:
    fields = line.split("\t")
    name = _TASK.match(fields[0])
    if len(fields) != _FIELDS or name is None or not fields[1].isdecimal():
        raise BadAnswer(f"{host}: expected a task's notes, found {line[:_SAID]!r}")
    return NotedTask(fields[0], name[1], int(fields[1]), fields[2], fields[3] == "1", fields[4], fields[5].strip())
