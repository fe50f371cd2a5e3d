"""Commands on hosts, through real sshd processes."""

import asyncio
import contextlib
import re
import time
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError

from drivers.ssh import SshRemote
from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.models.ssh import Ssh
from tests.drivers.ssh.case import HOST, settings
from tests.emulators.hosts import HostFarm


async def test_arguments_reach_the_command_as_they_were_given(remote: SshRemote) -> None:
    words = ["a b", "$HOME", "'\"`;|&", "*", "", "-n", "\\", "line\nbreak", "ü"]

    result = await remote.run(HOST, ["printf", "%s\\0", *words], 10)

    assert (0, words) == (result.status, result.stdout.split("\x00")[:-1])


async def test_stdin_reaches_the_command(remote: SshRemote) -> None:
    result = await remote.run(HOST, ["cat"], 10, b"to be read")

    assert "to be read" == result.stdout


async def test_a_command_that_reads_none_of_a_long_stdin_ends_all_the_same(remote: SshRemote) -> None:
    result = await remote.run(HOST, ["true"], 10, b"x" * 3_000_000)

    assert 0 == result.status


async def test_a_command_whose_time_is_up_has_no_status_and_is_gone_from_the_host(remote: SshRemote) -> None:
    began = time.monotonic()

    result = await remote.run(HOST, ["sleep", "31.4"], 1)

    assert (None, True) == (result.status, time.monotonic() - began < 4)
    assert not _runs(b"sleep\x0031.4\x00")


def _runs(words: bytes) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words in entry.read_bytes():
                return True
    return False


async def test_a_command_that_its_signal_ended_has_no_status(remote: SshRemote) -> None:
    result = await remote.run(HOST, ["sh", "-c", "kill -9 $PPID"], 10)

    assert result.status in (None, 137)


async def test_a_missing_program_is_status_127(remote: SshRemote) -> None:
    assert 127 == (await remote.run(HOST, ["no-such-tool"], 10)).status


async def test_output_is_bounded_and_the_cut_is_marked(farm: HostFarm) -> None:
    remote = SshRemote(settings(farm, output_limit=4096))
    try:
        result = await remote.run(HOST, ["sh", "-c", "seq 100000; echo the end"], 20)
    finally:
        await remote.close()

    assert result.stdout.startswith("1\n2\n3\n")
    assert result.stdout.endswith("100000\nthe end\n")
    assert re.search(r"\[\.\.\. \d+ bytes left out \.\.\.\]", result.stdout)
    assert len(result.stdout) < 4200


async def test_a_host_with_another_key_is_not_believed(farm: HostFarm, remote: SshRemote) -> None:
    key = (farm.folder / "keys" / "gpu002").read_bytes()
    farm.change_host_key("gpu002")
    try:
        with pytest.raises(BadAnswer, match="not the host it should be"):
            await remote.run("gpu002", ["true"], 10)
    finally:
        (farm.folder / "keys" / "gpu002").write_bytes(key)


async def test_a_host_that_known_hosts_does_not_name_is_not_believed(farm: HostFarm, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    remote = SshRemote(settings(farm, known_hosts=str(tmp_path / "known_hosts")))

    with pytest.raises(BadAnswer, match="not the host it should be"):
        await remote.run(HOST, ["true"], 10)
    await remote.close()


async def test_host_keys_go_unchecked_only_by_name(farm: HostFarm) -> None:
    options = farm.options()
    del options["known_hosts"]

    with pytest.raises(ValidationError, match="insecure_host_keys"):
        Ssh(**options)
    remote = SshRemote(Ssh(**options, insecure_host_keys=True))
    assert 0 == (await remote.run(HOST, ["true"], 10)).status
    await remote.close()


async def test_a_key_that_the_host_does_not_know_is_told_as_unreachable(farm: HostFarm, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    remote = SshRemote(settings(farm, key={"file": "other"}), tmp_path)

    with pytest.raises(Unreachable, match="does not let"):
        await remote.run(HOST, ["true"], 10)
    await remote.close()


async def test_a_key_that_is_none_is_told_without_its_text(farm: HostFarm, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n")
    remote = SshRemote(settings(farm, key={"file": "key"}), tmp_path)

    with pytest.raises(Unreachable) as caught:
        await remote.run(HOST, ["true"], 10)
    assert "file key" in str(caught.value)
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__cause__)
    await remote.close()


async def test_all_commands_share_one_connection_and_more_than_sshd_allows_wait(farm: HostFarm) -> None:
    log = farm.folder / "sshd.log"
    before = log.read_text().count("Accepted publickey")
    remote = SshRemote(settings(farm))
    try:
        results = await asyncio.gather(*(remote.run(HOST, ["echo", str(n)], 20) for n in range(40)))
    finally:
        await remote.close()

    assert [f"{n}\n" for n in range(40)] == [result.stdout for result in results]
    assert 1 == log.read_text().count("Accepted publickey") - before


async def test_the_oldest_idle_connections_are_closed_beyond_their_number(farm: HostFarm) -> None:
    log = farm.folder / "sshd.log"
    before = log.read_text().count("Accepted publickey")
    remote = SshRemote(settings(farm, connections=1))
    try:
        for host in ("gpu001", "gpu002", "gpu001"):
            assert 0 == (await remote.run(host, ["true"], 10)).status
    finally:
        await remote.close()

    assert 3 == log.read_text().count("Accepted publickey") - before


async def test_a_host_that_is_down_is_unreachable_and_found_again_when_it_is_up(
    farm: HostFarm, remote: SshRemote
) -> None:
    await remote.run(HOST, ["true"], 10)
    farm.go_down(HOST)

    with pytest.raises(Unreachable):
        await remote.run(HOST, ["true"], 10)
    with pytest.raises(Unreachable):
        await remote.run(HOST, ["true"], 10)
    farm.come_up(HOST)
    assert 0 == (await remote.run(HOST, ["true"], 10)).status


async def test_a_connection_lost_under_a_command_is_unreachable_not_a_status(farm: HostFarm, remote: SshRemote) -> None:
    await remote.run(HOST, ["true"], 10)
    running = asyncio.create_task(remote.run(HOST, ["sleep", "20"], 30))
    await asyncio.sleep(0.2)

    farm.go_down(HOST)

    with pytest.raises(Unreachable):
        await running


async def test_hosts_are_reached_through_a_jump_host(farm: HostFarm) -> None:
    jump = {"address": farm.addresses["gpu002"], "port": farm.port, "user": farm.user}
    remote = SshRemote(settings(farm, jump=jump))
    try:
        result = await remote.run(HOST, ["sh", "-c", "basename $HOST_ROOT"], 10)
    finally:
        await remote.close()

    assert "gpu001\n" == result.stdout


async def test_the_address_template_takes_the_hosts_number(farm: HostFarm) -> None:
    remote = SshRemote(settings(farm, addresses={}, address="127.1.0.{number}"))
    try:
        result = await remote.run("gpu002", ["sh", "-c", "basename $HOST_ROOT"], 10)
    finally:
        await remote.close()

    assert "gpu002\n" == result.stdout


@pytest.mark.parametrize(
    "gone",
    [{"key": {"file": "gone"}}, {"known_hosts": "gone"}, {"addresses": {}, "address": "127.1.0.{number}"}],
    ids=["key", "host keys", "address"],
)
async def test_what_is_missing_on_our_side_leaves_a_host_unreachable(
    farm: HostFarm, tmp_path: Path, gone: dict[str, Any]
) -> None:
    remote = SshRemote(settings(farm, **gone), tmp_path)

    with pytest.raises(Unreachable, match=r"gone|number"):
        await remote.run("unnumbered" if "address" in gone else HOST, ["true"], 10)
    await remote.close()


async def test_a_command_is_put_behind_what_makes_it_privileged(farm: HostFarm) -> None:
    remote = SshRemote(settings(farm, become=["env", "AS=root"]))
    try:
        result = await remote.run(HOST, ["sh", "-c", "echo $AS"], 10)
    finally:
        await remote.close()

    assert "root\n" == result.stdout


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "", "../x", "a" * 64])
async def test_what_is_no_host_name_goes_nowhere(remote: SshRemote, host: str) -> None:
    with pytest.raises(Refused):
        await remote.run(host, ["true"], 10)


async def test_an_argument_with_nul_goes_nowhere(remote: SshRemote) -> None:
    with pytest.raises(Refused):
        await remote.run(HOST, ["echo", "a\x00b"], 10)
