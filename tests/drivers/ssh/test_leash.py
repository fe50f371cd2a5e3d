"""A command that takes nothing in ends with its connection, also one that does not heed being asked to."""

import asyncio

import pytest

from drivers.ssh import SshRemote
from fleet.errors import Unreachable
from tests.drivers.ssh.case import HOST, settings
from tests.emulators.hosts import HostFarm

LONG = 'echo $$ >"$0"; exec sleep 600'
DEAF = 'trap "" TERM; echo $$ >"$0"; exec sleep 600'


async def started(remote: SshRemote, where: str) -> str:
    """The process of a command, once it has written it down."""
    waiting = ["sh", "-c", 'until [ -s "$0" ]; do sleep 0.1; done; cat "$0"', where]
    return (await remote.run(HOST, waiting, 60)).stdout.strip()


async def is_gone(remote: SshRemote, pid: str) -> bool:
    """Whether the process ends within a minute."""
    return (await remote.run(HOST, ["sh", "-c", 'while kill -0 "$0"; do sleep 0.1; done', pid], 60)).status == 0


@pytest.mark.parametrize("command", [LONG, DEAF], ids=["heeds", "does not heed"])
async def test_a_command_ends_with_its_connection(farm: HostFarm, remote: SshRemote, command: str) -> None:
    lost, where = SshRemote(settings(farm)), farm.root(HOST) / "begun"
    where.unlink(missing_ok=True)
    running = asyncio.create_task(lost.run(HOST, ["sh", "-c", command, str(where)], 600))
    pid = await started(remote, str(where))

    await lost.close()

    with pytest.raises(Unreachable):
        await running
    assert await is_gone(remote, pid)


async def test_a_command_that_does_not_heed_its_limit_is_killed(farm: HostFarm, remote: SshRemote) -> None:
    where = farm.root(HOST) / "begun"
    where.unlink(missing_ok=True)

    result = await remote.run(HOST, ["sh", "-c", DEAF, str(where)], 2)

    assert None is result.status
    assert await is_gone(remote, where.read_text().strip())


async def test_what_is_missing_or_killed_has_the_status_that_says_so(remote: SshRemote) -> None:
    found = [(await remote.run(HOST, argv, 20)).status for argv in (["no-such-tool"], ["sh", "-c", "exit 7"])]

    assert [127, 7] == found
