"""The console script as its own process: exit codes, streams, and answers in time when Temporal hangs."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.serverrecord import process_alive
from tests.cli.conftest import ROOT, SIMULATED

BECAUSE = ("--reason", "a try")


@pytest.fixture
def process(tmp_path):
    """Run `maintrain` as a process of its own on an empty data folder."""

    def run(*arguments, **environment):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "MAINTRAIN_"))}
        env |= {"MAINTRAIN_DATA": str(tmp_path / "var"), "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-m", "starter", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60, check=False)

    return run


def test_a_good_command_exits_0_and_prints_to_stdout(process):
    result = process("fleet", "schema")

    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["title"] == "FleetFile"


def test_bad_input_exits_2_and_prints_to_stderr_only(process):
    result = process("fleet", "load", "none.yaml")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: none.yaml: expected a file, there is none of this name\n"


def test_a_refusal_exits_1(process):
    result = process("fleet", "show")

    assert (result.returncode, result.stdout) == (1, "")


def test_a_noun_alone_shows_its_verbs(process):
    result = process("train")

    assert result.returncode == 2
    assert "Usage: maintrain train" in result.stderr
    assert "error:" not in result.stderr


def test_a_reader_that_leaves_early_is_no_error(process, tmp_path):
    result = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m starter fleet schema | head -n 1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MAINTRAIN_DATA": str(tmp_path / "var")},
        timeout=60,
        check=False,
    )

    assert (result.stdout, result.stderr) == ("{\n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_with_its_streams_closed_a_command_still_ends_with_its_own_exit_code(tmp_path, closed):
    env = {**os.environ, "MAINTRAIN_DATA": str(tmp_path / "var"), "PYTHONPATH": str(ROOT)}
    for command, code in (("catalogue check", 0), ("fleet load none.yaml", 2)):
        script = f"{sys.executable} -m starter {command} {closed}"
        ran = subprocess.run(
            ["/bin/sh", "-c", script], capture_output=True, cwd=tmp_path, env=env, timeout=60, check=False
        )
        assert (ran.returncode, b"Traceback" in ran.stderr) == (code, False)


def test_a_pipe_is_a_file_too_and_is_read_no_further_than_a_fleet_file_is_long(process, tmp_path):
    told = process("fleet", "load", SIMULATED, "--dry-run").stdout
    script = "cat {} | " + f"{sys.executable} -m starter fleet load /dev/stdin --dry-run"
    env = {**os.environ, "MAINTRAIN_DATA": str(tmp_path / "var")}
    (tmp_path / "long").write_bytes(b"#" * (5 * 1024 * 1024))
    good, long = (
        subprocess.run(
            ["/bin/sh", "-c", script.format(file)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=env,
            timeout=60,
            check=False,
        )
        for file in (SIMULATED, tmp_path / "long")
    )

    assert (good.returncode, good.stdout) == (0, told.replace(str(SIMULATED), "/dev/stdin"))
    assert (long.returncode, long.stderr) == (2, "error: /dev/stdin: expected a file of at most 4 MiB\n")


def until(holds, within=120):
    deadline = time.monotonic() + within
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert holds()


@pytest.mark.parametrize("end", [os.kill, os.killpg], ids=["the process", "its terminal"])
def test_an_interrupted_whatif_leaves_no_process_behind_and_no_traceback(tmp_path, end):
    env = {**os.environ, "MAINTRAIN_DATA": str(tmp_path / "var"), "PYTHONPATH": str(ROOT)}
    long = ("--hosts", "1000", "--days", "365", "--processes", "2", "--policy", "trains", "--policy", "sliding")
    told = tmp_path / "told"
    with told.open("wb") as out:
        command = [sys.executable, "-m", "starter", "whatif", *long]
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            cwd=tmp_path,
            env=env,
            start_new_session=True,
            # A shell has what it starts in the background ignore it, these tests too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
    try:
        until(lambda: "simulated" in told.read_text())
        children = [int(c) for c in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        end(process.pid, signal.SIGINT)

        assert process.wait(60) == 130
        assert len(children) >= 2
        until(lambda: not any(process_alive(child) for child in children), within=30)
        assert "Traceback" not in told.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_stop_is_in_force_within_seconds_while_temporal_hangs(process):
    assert process("fleet", "load", SIMULATED).returncode == 0
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()

        result = process("stop", "sim", *BECAUSE, TEMPORAL_ADDRESS=address)

        took = time.monotonic() - began
    assert result.returncode == 0
    assert "is in force in the store" in result.stdout
    assert took < 10
    stops = json.loads(process("ledger", "--json").stdout)["stops"]
    assert [s["cluster"] for s in stops] == ["sim"]
