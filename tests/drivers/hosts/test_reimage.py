"""The site's own program that installs hosts anew: arguments without a shell, its exit code, its output, its time."""

import asyncio
from datetime import timedelta

import pytest

from drivers.hosts.reimage import OUTPUT, ReimageProgram
from fleet.errors import Refused, StaleAttempt
from fleet.models.ladder import ReimageHook
from fleet.ports.fence import open_fence
from tests.drivers.contract.looking import closed_fence


def program(folder, script: str, *arguments: str, within: float = 20.0) -> ReimageProgram:
    hook = ReimageHook(argv=("sh", "-c", script, *arguments, "{host}"), within=timedelta(seconds=within))
    return ReimageProgram(hook, folder)


async def test_the_host_reaches_the_program_as_one_argument(tmp_path):
    done = await program(tmp_path, 'echo "$0 $1"; echo why >&2', "--now").run("gpu001.rack-2", open_fence)
    assert (0, "--now gpu001.rack-2\nwhy\n") == (done.status, done.stdout)
    assert [] == list((tmp_path / "reimage").iterdir())


async def test_its_exit_code_is_told_with_what_it_said(tmp_path):
    done = await program(tmp_path, "echo no profile; exit 7").run("gpu001", open_fence)
    assert (7, "no profile\n") == (done.status, done.stdout)


async def test_one_that_does_not_end_in_its_time_is_ended_and_has_no_status(tmp_path):
    done = await program(tmp_path, "echo begun; sleep 60", within=1.0).run("gpu001", open_fence)
    assert (None, "begun\n") == (done.status, done.stdout)


async def test_what_it_says_is_bounded(tmp_path):
    done = await program(tmp_path, f"head -c {10 * OUTPUT} /dev/zero | tr '\\0' x; echo the end").run(
        "gpu001", open_fence
    )
    assert len(done.stdout) < OUTPUT + 100
    assert done.stdout.endswith("the end\n")


async def test_a_program_that_is_not_there_is_refused_or_says_so(tmp_path):
    hook = ReimageHook(argv=("/nowhere/reinstall", "{host}"))
    done = await ReimageProgram(hook, tmp_path).run("gpu001", open_fence)
    assert 127 == done.status


async def test_the_worker_s_secrets_are_not_in_its_environment_but_what_the_fleet_file_names_is(tmp_path, monkeypatch):
    monkeypatch.setenv("BMC_PASSWORD", "hush")
    monkeypatch.setenv("PXE_SERVER", "pxe.example.org")
    hook = ReimageHook(argv=("env", "-u", "{host}"), environment=("PXE_SERVER", "NOT_SET_ANYWHERE"))
    said = (await ReimageProgram(hook, tmp_path).run("gpu001", open_fence)).stdout
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert "hush" not in said
    assert {"PATH", "PXE_SERVER"} <= names <= {"PATH", "HOME", "LANG", "PXE_SERVER"}


async def test_what_is_no_host_name_reaches_no_program(tmp_path):
    with pytest.raises(Refused, match="expected a host name"):
        await program(tmp_path, "touch ran").run("--all", open_fence)


async def test_a_closed_fence_keeps_it_from_being_started(tmp_path):
    mark = tmp_path / "ran"
    with pytest.raises(StaleAttempt):
        await program(tmp_path, f"touch {mark}").run("gpu001", closed_fence)
    assert not mark.exists()


async def test_a_worker_that_goes_away_leaves_it_running_to_its_end(tmp_path):
    """Cancelled in the middle, as a worker's shutdown does; the program ends by itself."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    lasting = program(tmp_path, f"touch {begun}; sleep 1; touch {ended}")
    running = asyncio.create_task(lasting.run("gpu001", open_fence))
    await until(begun.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert 1 == lasting.still_running()
    await until(ended.exists)
    await until(lambda: lasting.still_running() == 0)


async def until(true) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within 10 s")
