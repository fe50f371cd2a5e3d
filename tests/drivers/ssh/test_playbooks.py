"""Upgrades by a playbook: run through ansible-runner, with a double of ansible-playbook on the PATH."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import InvalidInput, Refused
from fleet.models.hardware import TaskState
from fleet.ports.fence import open_fence
from tests.drivers.ssh.case import COMPONENTS, HOST, ended, opened
from tests.emulators.hosts import HostFarm
from tests.require import require

_DOUBLE = """\
#!/bin/sh
# Double of ansible-playbook: keeps its arguments, waits, writes the version on the host, ends as told.
echo "$@" >"{folder}/arguments"
for word in "$@"; do
  case $word in @*) cat "${{word#@}}" >>"{folder}/arguments" ;; esac
done
sleep {seconds}
echo 2.0 >"{root}/installed"
exit {status}
"""


@pytest.fixture
def runner() -> None:
    try:
        __import__("ansible_runner")
    except ImportError:
        require("ansible-runner", False, "not installed")


def play(
    farm: HostFarm, folder: Path, patch: pytest.MonkeyPatch, seconds: float = 0, status: int = 0
) -> dict[str, Any]:
    """A component whose playbook is the double's."""
    double = folder / "ansible-playbook"
    double.write_text(_DOUBLE.format(folder=folder, root=farm.root(HOST), seconds=seconds, status=status))
    double.chmod(0o755)
    patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    (folder / "upgrade.yaml").write_text("- hosts: all\n")
    (farm.root(HOST) / "installed").write_text("1.0\n")
    probe = {"argv": ["cat", "installed"]}
    return {"tool": {"kind": "playbook", "playbook": str(folder / "upgrade.yaml"), "probe": probe}}


@pytest.mark.usefixtures("runner")
async def test_a_playbook_upgrades_one_host_and_the_host_notes_it(
    farm: HostFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(farm, play(farm, tmp_path, monkeypatch)) as mechanism, opened(farm, {}) as other:
        task = await mechanism.start_apply(HOST, "tool", "2.0", open_fence)
        found = await ended(mechanism, task)
        assert (TaskState.DONE, "2.0") == (found.state, found.version)
        assert {"tool": "2.0"} == await mechanism.versions(HOST)
        assert {} == await other.versions(HOST)
    told = (tmp_path / "arguments").read_text()
    assert f"--limit {HOST}" in told
    assert "maintrain_version" in told


@pytest.mark.usefixtures("runner")
async def test_a_playbook_that_fails_is_failed(farm: HostFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(farm, play(farm, tmp_path, monkeypatch, status=2)) as mechanism:
        found = await ended(mechanism, await mechanism.start_apply(HOST, "tool", "2.0", open_fence))

    assert (TaskState.FAILED, True) == (found.state, found.message.startswith("install: rc 2"))


@pytest.mark.usefixtures("runner")
async def test_a_playbook_keeps_other_upgrades_off_and_is_stopped_and_failed_when_its_worker_goes(
    farm: HostFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = play(farm, tmp_path, monkeypatch, seconds=1.5) | {"dcgm": COMPONENTS["dcgm"]}
    async with opened(farm, chosen) as other:
        async with opened(farm, chosen) as mechanism:
            task = await mechanism.start_apply(HOST, "tool", "2.0", open_fence)
            await asyncio.sleep(0.2)
            assert TaskState.RUNNING == (await other.tasks(HOST, "tool"))[-1].state
            with pytest.raises(Refused, match="another upgrade runs"):
                await other.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        found = await ended(other, task)

    assert (TaskState.FAILED, True) == (found.state, "install: rc 143" in found.message)
    assert "1.0\n" == (farm.root(HOST) / "installed").read_text()


@pytest.mark.usefixtures("runner")
async def test_a_play_whose_host_is_lost_is_stopped_and_the_host_is_busy_until_its_end_is_seen(
    farm: HostFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = play(farm, tmp_path, monkeypatch, seconds=6) | {"dcgm": COMPONENTS["dcgm"]}
    async with opened(farm, chosen, keepalive="500ms") as mechanism, opened(farm, chosen) as other:
        task = await mechanism.start_apply(HOST, "tool", "2.0", open_fence)
        await asyncio.sleep(0.5)
        farm.go_down(HOST)
        farm.come_up(HOST)
        for worker in (mechanism, other):
            assert TaskState.RUNNING is (await worker.tasks(HOST, "tool"))[-1].state
            with pytest.raises(Refused):
                await worker.check_free(HOST, booting=True)
            with pytest.raises(Refused):
                await worker.start_apply(HOST, "dcgm", "1:3.3.6", open_fence)
        assert TaskState.FAILED is (await ended(other, task)).state
        assert TaskState.FAILED is (await ended(mechanism, task)).state
    assert "1.0\n" == (farm.root(HOST) / "installed").read_text()


def test_a_playbook_without_ansible_runner_is_told_when_it_is_named(farm_session: HostFarm, tmp_path: Path) -> None:
    (tmp_path / "ansible_runner.py").write_text("raise ImportError('not installed')\n")
    (tmp_path / "upgrade.yaml").write_text("- hosts: all\n")
    code = f"""
from drivers.ssh import SshMechanism, SshRemote
from fleet.errors import InvalidInput
from fleet.models.ssh import Ssh
probe = {{"argv": ["true"]}}
tool = {{"kind": "playbook", "playbook": {str(tmp_path / "upgrade.yaml")!r}, "probe": probe}}
options = Ssh(**{farm_session.options()!r}, components={{"tool": tool}})
try:
    SshMechanism(options, SshRemote(options))
except InvalidInput as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert "ssh: components.tool: a playbook needs ansible-runner: pip install 'maintrain[ansible]'\n" == done.stdout


async def test_a_playbook_that_is_not_there_is_told_when_it_is_named(farm: HostFarm, tmp_path: Path) -> None:
    missing = {"kind": "playbook", "playbook": str(tmp_path / "none.yaml"), "probe": {"argv": ["true"]}}

    with pytest.raises(InvalidInput, match=r"components\.tool\.playbook: expected a file"):
        async with opened(farm, {"tool": missing}):
            pass
